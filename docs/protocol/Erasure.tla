------------------------------ MODULE Erasure ------------------------------
(***************************************************************************)
(* How a person is forgotten, and nobody else: orders through an outbox    *)
(* and an at-least-once topic, readers with key caches, the privacy        *)
(* service's case, the suppression ledger, a restore of MongoDB, and the   *)
(* rotation of key-encryption keys.  A step is what the running system     *)
(* does in one transaction or one message.  README.md says what is left    *)
(* out, and names the source file of each action.                          *)
(***************************************************************************)
EXTENDS Naturals, FiniteSets, TLC

CONSTANTS
    Subjects,         \* people; symmetric
    Without,          \* the safeguards taken out
    MaxCases,         \* withdrawals
    MaxCrashes,       \* of intake, a reader or the privacy service
    MaxRestores,      \* of a dump that may be made at any moment
    QuietDump,        \* TRUE: the dump is made while no order is on its way (fewer states)
    MaxRedeliveries,  \* of a message that was consumed already
    MaxRotations      \* of the key-encryption keys: 0 or 1

Readers == {"delivery", "notifications"}
Stores == Readers \cup {"intake"}
KeepTheirKey == {"delivery"}               \* while an order is open: it is delivered with it
KeepTheirRecord == {"intake", "delivery"}  \* intake's without its envelope
Rounds == {"sparing", "erasing", "verifying"}
Idle == [of |-> "nobody", old |-> FALSE]
NoDump == [taken |-> FALSE]

VARIABLES
  (* MongoDB *)
    key,        \* key[s]: stores whose data key of s is in the keyring
    epoch,      \* epoch[s]: the KEK those are wrapped under; 0: the keyring does not know s
    fenced,     \* subjects nothing is sealed for any more
    order,      \* order[s]: "none", "open", "settled"
    outbox,     \* orders stored and not yet published
    record,     \* record[x]: subjects of whom store x holds a record
    disclosed,  \* log of disclosures: subjects whose fields the courier has and was not told to forget
    case,       \* case[s]
  (* Kafka *)
    published,  \* orders on the topic
    unread,     \* unread[r]: those of them reader r has not committed
    receipts,   \* <<subject, state of the case, store>>: the stores' answers
    ledger,     \* ledger[s]: topic `suppressions`: "nothing", "accepted", "spared", "all"
  (* memory of the services *)
    inhand,     \* inhand[s]: epoch of the keys an order in intake's open transaction is sealed under, or 0
    cache,      \* cache[r][s]: a key remembered though it is destroyed: "none", "held"; "old": the wait covers it
    batch,      \* batch[r]: whose message reader r has looked up and not yet written
    leaving,    \* subjects whose keys' destruction is in the ledger and not yet committed
    rewrapping, \* subjects whose keys the rotation has read and not yet written
    serving,    \* services that serve
  (* outside *)
    courier,    \* subjects whose fields the courier has, in clear
    kek,        \* epochs whose key-encryption keys exist
    copies,     \* copies[s]: epochs under which keys of s were ever stored: they stay in oplog, journal and backups
    asked,      \* people who were told that their withdrawal is accepted
    certified, certifiedAgain,
    dump, crashes, restores, redeliveries

database == <<key, epoch, fenced, order, outbox, record, disclosed, case>>
kafka == <<published, unread, receipts, ledger>>
memory == <<inhand, cache, batch, leaving, rewrapping, serving>>
outside == <<courier, kek, copies, asked, certified, certifiedAgain>>
counters == <<dump, crashes, restores, redeliveries>>
vars == <<database, kafka, memory, outside, counters>>

With(safeguard) == safeguard \notin Without
Newest(epochs) == IF 2 \in epochs THEN 2 ELSE 1
Answered(s, state) == {x \in Stores : <<s, state, x>> \in receipts}
All(s, state) ==
    LET safeguard == IF state = "restricting" THEN "stopped_everywhere_first" ELSE "receipts_from_all"
    IN IF With(safeguard) THEN Answered(s, state) = Stores ELSE Answered(s, state) # {}
Opens(s) == epoch[s] \in kek
Forgotten == [r \in Readers |-> [s \in Subjects |-> "none"]]

Init ==
    /\ epoch \in [Subjects -> IF MaxRotations > 0 THEN {0, 1} ELSE {1}]
    /\ key = [s \in Subjects |-> IF epoch[s] = 0 THEN {} ELSE Stores]
    /\ copies = [s \in Subjects |-> IF epoch[s] = 0 THEN {} ELSE {1}]
    /\ order = [s \in Subjects |-> "none"] /\ case = [s \in Subjects |-> "none"]
    /\ ledger = [s \in Subjects |-> "nothing"] /\ inhand = [s \in Subjects |-> 0]
    /\ record = [x \in Stores |-> {}] /\ unread = [r \in Readers |-> {}]
    /\ cache = Forgotten /\ batch = [r \in Readers |-> Idle]
    /\ fenced = {} /\ outbox = {} /\ disclosed = {} /\ published = {} /\ receipts = {}
    /\ leaving = {} /\ rewrapping = {} /\ asked = {} /\ courier = {} /\ certified = {} /\ certifiedAgain = {}
    /\ kek = {1} /\ serving = Stores \cup {"privacy"}
    /\ dump = NoDump /\ crashes = 0 /\ restores = 0 /\ redeliveries = 0

---------------------------------------------------------------------------
(* Orders: services/intake/place_orders.py, shared/messaging/outbox.py *)

BeginOrder(s) ==
    /\ "intake" \in serving /\ order[s] = "none" /\ inhand[s] = 0
    /\ epoch[s] = 0 \/ ("intake" \in key[s] /\ Opens(s))
    /\ With("fence_at_intake") => s \notin fenced
    /\ inhand' = [inhand EXCEPT ![s] = IF epoch[s] = 0 THEN Newest(kek) ELSE epoch[s]]
    /\ UNCHANGED <<database, kafka, cache, batch, leaving, rewrapping, serving, outside, counters>>

CommitOrder(s) ==  \* or abort: the restriction changed the person's record meanwhile
    /\ inhand[s] # 0
    /\ inhand' = [inhand EXCEPT ![s] = 0]
    /\ IF With("order_meets_restriction") /\ <<s, "restricting", "intake">> \in receipts
       THEN UNCHANGED <<key, epoch, order, outbox, record, copies>>
       ELSE /\ order' = [order EXCEPT ![s] = "open"]
            /\ record' = [record EXCEPT !["intake"] = @ \cup {s}]
            /\ outbox' = outbox \cup {s}
            /\ key' = IF epoch[s] = 0 THEN [key EXCEPT ![s] = Stores] ELSE key
            /\ epoch' = IF epoch[s] = 0 THEN [epoch EXCEPT ![s] = inhand[s]] ELSE epoch
            /\ copies' = IF epoch[s] = 0 THEN [copies EXCEPT ![s] = @ \cup {inhand[s]}] ELSE copies
    /\ UNCHANGED <<fenced, disclosed, case, kafka, cache, batch, leaving, rewrapping, serving,
                   courier, kek, asked, certified, certifiedAgain, counters>>

PublishOrder(s) ==
    /\ "intake" \in serving /\ s \in outbox
    /\ outbox' = outbox \ {s}
    /\ published' = published \cup {s}
    /\ unread' = [r \in Readers |-> unread[r] \cup {s}]
    /\ UNCHANGED <<key, epoch, fenced, order, record, disclosed, case, receipts, ledger, memory, outside, counters>>

Redeliver(r, s) ==  \* published twice, an offset not committed, a topic replayed, a dead letter sent again
    /\ redeliveries < MaxRedeliveries /\ s \in published \ unread[r]
    /\ redeliveries' = redeliveries + 1
    /\ unread' = [unread EXCEPT ![r] = @ \cup {s}]
    /\ UNCHANGED <<database, published, receipts, ledger, memory, outside, dump, crashes, restores>>

(* Readers: shared/messaging/consume.py, fence.py, shared/sealing/keyring.py *)

Look(r, s) ==
    /\ r \in serving /\ batch[r] = Idle /\ s \in unread[r]
    /\ LET known == epoch[s] # 0   \* if not: a dead letter
           held == known /\ (r \in key[s] \/ cache[r][s] # "none" \/ ~With("fence_at_readers"))
       IN /\ batch' = IF held THEN [batch EXCEPT ![r] = [of |-> s, old |-> cache[r][s] = "old"]] ELSE batch
          /\ unread' = IF held /\ With("commit_after_write") THEN unread ELSE [unread EXCEPT ![r] = @ \ {s}]
    /\ UNCHANGED <<database, published, receipts, ledger, inhand, cache, leaving, rewrapping, serving, outside, counters>>

Write(r) ==  \* and commit the offset; a crash in between is this and then Redeliver
    /\ batch[r] # Idle
    /\ record' = [record EXCEPT ![r] = @ \cup {batch[r].of}]
    /\ unread' = [unread EXCEPT ![r] = @ \ {batch[r].of}]
    /\ batch' = [batch EXCEPT ![r] = Idle]
    /\ UNCHANGED <<key, epoch, fenced, order, outbox, disclosed, case, published, receipts, ledger, inhand, cache,
                   leaving, rewrapping, serving, outside, counters>>

(* A key that is in the keyring may be in any reader's memory at any time, which changes nothing: it would be read
   again.  So who remembers it is chosen when it is destroyed. *)
Remembered(gone, s, mark) ==
    cache' \in {c \in [Readers -> [Subjects -> {"none", "held", "old"}]] :
        \A r \in Readers, t \in Subjects :
            c[r][t] \in IF t # s THEN {cache[r][t]}
                        ELSE IF r \in gone THEN {"none"} \cup mark
                        ELSE IF cache[r][t] = "none" THEN {"none"} ELSE mark}

Expire(r, s) ==
    /\ cache[r][s] # "none"
    /\ cache' = [cache EXCEPT ![r][s] = "none"]
    /\ UNCHANGED <<database, kafka, inhand, batch, leaving, rewrapping, serving, outside, counters>>

Deliver(s) ==  \* services/delivery/hand_to_courier.py, settle_shipment.py: with a key read past the cache
    /\ "delivery" \in serving /\ order[s] = "open" /\ s \in record["delivery"]
    /\ "delivery" \in key[s] /\ Opens(s)
    /\ order' = [order EXCEPT ![s] = "settled"]
    /\ disclosed' = disclosed \cup {s} /\ courier' = courier \cup {s}
    /\ UNCHANGED <<key, epoch, fenced, outbox, record, case, kafka, memory, kek, copies, asked, certified,
                   certifiedAgain, counters>>

---------------------------------------------------------------------------
(* The case: services/privacy/case_steps.py, erase_subject.py, shared/erasure/participant.py *)

Moved(s, state) == case' = [case EXCEPT ![s] = state]

Withdraw(s) ==
    /\ "privacy" \in serving /\ case[s] = "none" /\ epoch[s] # 0 /\ Cardinality(asked) < MaxCases
    /\ Moved(s, "restricting")
    /\ fenced' = fenced \cup {s}
    /\ asked' = asked \cup {s}
    /\ UNCHANGED <<key, epoch, order, outbox, record, disclosed, kafka, memory, courier, kek, copies, certified, certifiedAgain,
                   counters>>

PublishAcceptance(s) ==  \* the case's entry in the suppression ledger goes through the outbox
    /\ "privacy" \in serving /\ case[s] # "none" /\ ledger[s] = "nothing"
    /\ ledger' = [ledger EXCEPT ![s] = "accepted"]
    /\ UNCHANGED <<database, published, unread, receipts, memory, outside, counters>>

Restrict(x, s) ==
    /\ x \in serving /\ case[s] = "restricting" /\ x \notin Answered(s, "restricting")
    /\ receipts' = receipts \cup {<<s, "restricting", x>>}
    /\ UNCHANGED <<database, published, unread, ledger, memory, outside, counters>>

Decide(s) ==
    /\ "privacy" \in serving /\ case[s] = "restricting" /\ All(s, "restricting")
    /\ Moved(s, IF order[s] = "open" /\ With("deferral") THEN "sparing" ELSE "erasing")
    /\ UNCHANGED <<key, epoch, fenced, order, outbox, record, disclosed, kafka, memory, outside, counters>>

Erase(x, s) ==  \* the records and the receipt are one transaction
    /\ x \in serving /\ case[s] \in Rounds /\ x \notin Answered(s, case[s])
    /\ receipts' = receipts \cup {<<s, case[s], x>>}
    /\ record' = IF case[s] = "sparing" /\ x \in KeepTheirRecord THEN record ELSE [record EXCEPT ![x] = @ \ {s}]
    /\ UNCHANGED <<key, epoch, fenced, order, outbox, disclosed, case, published, unread, ledger, memory, outside,
                   counters>>

Spared(s) ==  \* everything the open order does not need
    /\ "privacy" \in serving /\ case[s] = "sparing" /\ All(s, "sparing")
    /\ Moved(s, "deferred")
    /\ key' = [key EXCEPT ![s] = @ \cap KeepTheirKey]
    /\ ledger' = IF With("ledger_before_keys") /\ ~(With("furthest_entry_counts") /\ ledger[s] = "all")
                 THEN [ledger EXCEPT ![s] = "spared"] ELSE ledger
    /\ Remembered({r \in Readers \ KeepTheirKey : r \in key[s]}, s, {"held"})
    /\ UNCHANGED <<epoch, fenced, order, outbox, record, disclosed, published, unread, receipts, inhand, batch, leaving,
                   rewrapping, serving, outside, counters>>

Settled(s) ==
    /\ "privacy" \in serving /\ case[s] = "deferred" /\ order[s] = "settled"
    /\ Moved(s, "erasing")
    /\ UNCHANGED <<key, epoch, fenced, order, outbox, record, disclosed, kafka, memory, outside, counters>>

(* The wait covers what was looked up before it began: at the commit, or, without that safeguard, before it. *)
Aged(s) == [r \in Readers |-> [batch[r] EXCEPT !.old = @ \/ batch[r].of = s]]

BeginDestruction(s) ==
    /\ "privacy" \in serving /\ case[s] = "erasing" /\ All(s, "erasing") /\ s \notin leaving
    /\ leaving' = leaving \cup {s}
    /\ ledger' = IF With("ledger_before_keys") THEN [ledger EXCEPT ![s] = "all"] ELSE ledger
    /\ batch' = IF With("wait_from_commit") THEN batch ELSE Aged(s)
    /\ UNCHANGED <<database, published, unread, receipts, inhand, cache, rewrapping, serving, outside, counters>>

Destroy(s) ==
    /\ s \in leaving
    /\ leaving' = leaving \ {s}
    /\ key' = [key EXCEPT ![s] = {}]
    /\ Moved(s, "waiting")
    /\ batch' = IF With("wait_from_commit") THEN Aged(s) ELSE batch
    /\ Remembered(key[s] \cap Readers, s, IF With("wait_from_commit") THEN {"old"} ELSE {"old", "held"})
    /\ UNCHANGED <<epoch, fenced, order, outbox, record, disclosed, kafka, inhand, rewrapping, serving, outside, counters>>

WaitedOut(s) == \A r \in Readers :
    /\ With("wait_for_caches") => cache[r][s] # "old"
    /\ With("wait_for_batches") => ~(batch[r].of = s /\ batch[r].old)

SecondPass(s) ==
    /\ "privacy" \in serving /\ case[s] = "waiting" /\ WaitedOut(s)
    /\ Moved(s, "verifying")
    /\ UNCHANGED <<key, epoch, fenced, order, outbox, record, disclosed, kafka, memory, outside, counters>>

TellCourier(s) ==
    /\ "delivery" \in serving /\ s \in disclosed
    /\ "delivery" \in Answered(s, "erasing") \cup Answered(s, "verifying")
    /\ disclosed' = disclosed \ {s} /\ courier' = courier \ {s}
    /\ UNCHANGED <<key, epoch, fenced, order, outbox, record, case, kafka, memory, kek, copies, asked, certified,
                   certifiedAgain, counters>>

Certify(s) ==
    /\ "privacy" \in serving
    /\ IF With("second_pass") THEN case[s] = "verifying" /\ All(s, "verifying")
                              ELSE case[s] = "waiting" /\ WaitedOut(s)
    /\ With("recipients_answer") => s \notin disclosed
    /\ Moved(s, "closed")
    /\ certified' = certified \cup {s}
    /\ UNCHANGED <<key, epoch, fenced, order, outbox, record, disclosed, kafka, memory, courier, kek, copies, asked,
                   certifiedAgain, counters>>

---------------------------------------------------------------------------
(* Rotation: deploy/provision/rotate_keys.py *)

NewEpoch ==
    /\ MaxRotations > 0 /\ kek = {1}
    /\ kek' = {1, 2}
    /\ UNCHANGED <<database, kafka, memory, courier, copies, asked, certified, certifiedAgain, counters>>

ReadForRewrap(s) ==
    /\ kek = {1, 2} /\ epoch[s] = 1 /\ key[s] # {} /\ s \notin rewrapping
    /\ rewrapping' = rewrapping \cup {s}
    /\ UNCHANGED <<database, kafka, inhand, cache, batch, leaving, serving, outside, counters>>

Rewrap(s) ==
    /\ s \in rewrapping
    /\ rewrapping' = rewrapping \ {s}
    /\ LET still == IF With("rewrap_what_is_there") THEN key[s] ELSE Stores
       IN IF still = {} THEN UNCHANGED <<key, epoch, copies>>
          ELSE /\ key' = [key EXCEPT ![s] = still]
               /\ epoch' = [epoch EXCEPT ![s] = 2]
               /\ copies' = [copies EXCEPT ![s] = @ \cup {2}]
    /\ UNCHANGED <<fenced, order, outbox, record, disclosed, case, kafka, inhand, cache, batch, leaving, serving,
                   courier, kek, asked, certified, certifiedAgain, counters>>

OldEpochEnds ==
    /\ kek = {1, 2} /\ rewrapping = {}
    /\ \A s \in Subjects : epoch[s] = 1 => key[s] = {}
    /\ With("rewrap_once_more") => \A s \in Subjects : inhand[s] # 1   \* waited: whoever sealed under it has committed
    /\ kek' = {2}
    /\ UNCHANGED <<database, kafka, memory, courier, copies, asked, certified, certifiedAgain, counters>>

CertifyAgain(s) ==
    /\ MaxRotations > 0 /\ "privacy" \in serving /\ s \in certified \ certifiedAgain
    /\ With("epoch_ends_first") => copies[s] \cap kek = {}
    /\ certifiedAgain' = certifiedAgain \cup {s}
    /\ UNCHANGED <<database, kafka, memory, courier, kek, copies, asked, certified, counters>>

---------------------------------------------------------------------------
(* Crashes and restores: shared/erasure/suppression.py, services/privacy/reopen_cases.py *)

Crash(service) ==
    /\ crashes < MaxCrashes /\ service \in serving
    /\ CASE service = "intake" -> inhand # [s \in Subjects |-> 0] \/ (outbox # {} /\ ~With("outbox"))
         [] service = "privacy" -> leaving # {}
         [] OTHER -> batch[service] # Idle \/ cache[service] # Forgotten[service]
    /\ crashes' = crashes + 1
    /\ inhand' = IF service = "intake" THEN [s \in Subjects |-> 0] ELSE inhand
    /\ outbox' = IF service = "intake" /\ ~With("outbox") THEN {} ELSE outbox
    /\ leaving' = IF service = "privacy" THEN {} ELSE leaving
    /\ cache' = IF service \in Readers THEN [cache EXCEPT ![service] = Forgotten[service]] ELSE cache
    /\ batch' = IF service \in Readers THEN [batch EXCEPT ![service] = Idle] ELSE batch
    /\ UNCHANGED <<key, epoch, fenced, order, record, disclosed, case, kafka, rewrapping, serving, outside,
                   dump, restores, redeliveries>>

Dump ==
    /\ restores < MaxRestores /\ ~dump.taken
    /\ batch = [r \in Readers |-> Idle] /\ inhand = [s \in Subjects |-> 0] /\ leaving = {}
    /\ QuietDump => outbox = {} /\ unread = [r \in Readers |-> {}]
    /\ dump' = [taken |-> TRUE, key |-> key, epoch |-> epoch, fenced |-> fenced, order |-> order, outbox |-> outbox,
                record |-> record, disclosed |-> disclosed, case |-> case]
    /\ UNCHANGED <<database, kafka, memory, outside, crashes, restores, redeliveries>>

Restore ==  \* everybody is stopped; Kafka and the key-encryption keys are where they were
    /\ dump.taken
    /\ With("acceptance_published") => \A s \in asked : ledger[s] # "nothing"
    /\ With("dump_of_this_epoch") => \A s \in Subjects : dump.epoch[s] \in kek \cup {0} \/ dump.key[s] = {}
    /\ restores' = restores + 1 /\ dump' = NoDump
    /\ key' = dump.key /\ epoch' = dump.epoch /\ fenced' = dump.fenced /\ order' = dump.order
    /\ outbox' = dump.outbox /\ record' = dump.record /\ case' = dump.case
    /\ disclosed' = IF With("disclosures_entered_again") THEN dump.disclosed \cup courier ELSE dump.disclosed
    /\ unread' = IF With("topics_read_again") THEN [r \in Readers |-> published] ELSE unread
    /\ inhand' = [s \in Subjects |-> 0] /\ cache' = Forgotten /\ batch' = [r \in Readers |-> Idle]
    /\ leaving' = {} /\ rewrapping' = {} /\ serving' = {}
    /\ UNCHANGED <<published, receipts, ledger, outside, crashes, redeliveries>>

KeyGone(x, s) == ledger[s] = "all" \/ (ledger[s] = "spared" /\ x \notin KeepTheirKey)
RecordGone(x, s) == ledger[s] = "all" \/ (ledger[s] = "spared" /\ x \notin KeepTheirRecord)

StartPrivacy ==
    /\ "privacy" \notin serving
    /\ serving' = serving \cup {"privacy"}
    /\ IF ~With("ledger_replay") THEN UNCHANGED <<key, fenced, order, case, receipts>>
       ELSE LET lost == {s \in Subjects : case[s] = "none" /\ ledger[s] # "nothing"}
            IN /\ key' = [s \in Subjects |-> {x \in key[s] : ~KeyGone(x, s)}]
               /\ case' = [s \in Subjects |-> IF s \in lost THEN "restricting" ELSE case[s]]
               /\ fenced' = fenced \cup lost
               /\ order' = [s \in Subjects |-> IF ledger[s] = "all" /\ order[s] = "open" THEN "settled" ELSE order[s]]
               /\ receipts' = {a \in receipts : ~(a[1] \in lost /\ ledger[a[1]] \in {"spared", "all"})}
    /\ UNCHANGED <<epoch, outbox, record, disclosed, published, unread, ledger, inhand, cache, batch, leaving,
                   rewrapping, outside, counters>>

StartStore(x) ==
    /\ x \notin serving
    /\ With("ledger_replay") => "privacy" \in serving /\ \A s \in Subjects : KeyGone(x, s) => x \notin key[s]
    /\ serving' = serving \cup {x}
    /\ record' = IF With("ledger_replay") THEN [record EXCEPT ![x] = {s \in @ : ~RecordGone(x, s)}] ELSE record
    /\ UNCHANGED <<key, epoch, fenced, order, outbox, disclosed, case, kafka, inhand, cache, batch, leaving,
                   rewrapping, outside, counters>>

---------------------------------------------------------------------------
Progress ==  \* what happens by itself, sooner or later
    \/ \E s \in Subjects : \/ CommitOrder(s) \/ PublishOrder(s) \/ Deliver(s) \/ PublishAcceptance(s)
                           \/ Decide(s) \/ Spared(s) \/ Settled(s) \/ BeginDestruction(s) \/ Destroy(s)
                           \/ SecondPass(s) \/ TellCourier(s) \/ Certify(s) \/ CertifyAgain(s) \/ Rewrap(s)
    \/ \E x \in Stores, s \in Subjects : Restrict(x, s) \/ Erase(x, s)
    \/ \E r \in Readers, s \in Subjects : Look(r, s) \/ Expire(r, s)
    \/ \E r \in Readers : Write(r)
    \/ StartPrivacy \/ \E x \in Stores : StartStore(x)

Next ==
    \/ Progress
    \/ \E s \in Subjects : BeginOrder(s) \/ Withdraw(s) \/ ReadForRewrap(s)
    \/ \E r \in Readers, s \in Subjects : Redeliver(r, s)
    \/ NewEpoch \/ OldEpochEnds \/ Dump \/ Restore
    \/ \E service \in Stores \cup {"privacy"} : Crash(service)

Spec == Init /\ [][Next]_vars

(* Every single act that can go on does: weak fairness of each. A crash or a restore comes finitely often. *)
Fairness ==
    /\ \A s \in Subjects :
        /\ WF_vars(CommitOrder(s)) /\ WF_vars(PublishOrder(s)) /\ WF_vars(Deliver(s)) /\ WF_vars(PublishAcceptance(s))
        /\ WF_vars(Decide(s)) /\ WF_vars(Spared(s)) /\ WF_vars(Settled(s)) /\ WF_vars(BeginDestruction(s))
        /\ WF_vars(Destroy(s)) /\ WF_vars(SecondPass(s)) /\ WF_vars(TellCourier(s)) /\ WF_vars(Certify(s))
        /\ \A x \in Stores : WF_vars(Restrict(x, s)) /\ WF_vars(Erase(x, s))
        /\ \A r \in Readers : WF_vars(Look(r, s)) /\ WF_vars(Expire(r, s))
    /\ \A r \in Readers : WF_vars(Write(r))
    /\ WF_vars(StartPrivacy) /\ \A x \in Stores : WF_vars(StartStore(x))

FairSpec == Spec /\ Fairness

---------------------------------------------------------------------------
(* What must hold. *)

(* Whoever was certified erased: no service that serves has a key of theirs, in the keyring or in memory, nor a
   record; and the courier has nothing in clear. *)
CertificateIsTrue == \A s \in certified :
    /\ \A x \in Stores \cap serving : x \notin key[s] /\ s \notin record[x]
    /\ \A r \in Readers : cache[r][s] = "none"
    /\ s \notin courier

(* The second certificate: no copy of a wrapped key, wherever it lies, opens with a key-encryption key that exists. *)
SecondCertificateIsTrue == \A s \in certifiedAgain : copies[s] \cap kek = {}

OnItsWay(s, r) == s \in outbox \cup unread[r] \/ batch[r].of = s

(* An order stays until it is delivered, whatever its person has withdrawn; a reader gets whatever was accepted of
   people who have withdrawn nothing; an accepted withdrawal is carried out. *)
NothingAcceptedIsLost ==
    /\ \A s \in Subjects : order[s] = "open" =>
        /\ s \in record["intake"]
        /\ s \in record["delivery"] \/ OnItsWay(s, "delivery")
        /\ "delivery" \in key[s]
    /\ \A s \in Subjects, r \in Readers : order[s] # "none" /\ s \notin asked => s \in record[r] \/ OnItsWay(s, r)
    /\ "privacy" \in serving => \A s \in asked : case[s] # "none"

(* Whoever has withdrawn nothing keeps every key, under a key-encryption key that exists, and every record. *)
NobodyElseIsTouched == \A s \in Subjects \ asked :
    /\ epoch[s] # 0 => key[s] = Stores /\ Opens(s)
    /\ order[s] # "none" => s \in record["intake"]

EveryCaseEnds == <>[](\A s \in asked : case[s] = "closed" /\ s \in certified)

Symmetry == Permutations(Subjects)
=============================================================================
