"""How a withdrawal case goes on: a pure state machine. No driver, no clock, no wire; `step` says what changes and what
to do.

    restricting ─► erasing ─► deferred ─► erasing ─► second_pass_due ─► verifying ─► closing ─► closed
                      └──────────(nothing open)────────────┘    ▲            │ (residual)
                                                                 └────────────┘

Promotions only: restricting ─► closing ─► closed. Facts may come twice, late or in any order; whatever does not
advance the case leaves it as it was.
"""

from datetime import datetime
from typing import Any

from services.privacy.case import Case, Deferral, State, TimelineEntry
from services.privacy.case_facts import (
    Certify,
    DestroyKeys,
    Effect,
    Erase,
    Fact,
    Fence,
    LetterKind,
    LetterSettled,
    OrderSettled,
    ReceiptCame,
    RecipientAnswered,
    Restrict,
    Rules,
    SendLetter,
    StoreRestricted,
    TimeCame,
)

Step = tuple[Case, tuple[Effect, ...]]


def opened(case: Case, now: datetime, rules: Rules) -> Step:
    """The first step: stop everything at once."""
    case = _noted(case.model_copy(update={"commanded_at": now}), now, "case_opened", scope=case.scope)
    fence: tuple[Effect, ...] = (Fence(),) if case.scope == "all" else ()
    return case, (*fence, Restrict(rules.stores))


def step(case: Case, fact: Fact, now: datetime, rules: Rules) -> Step:
    """The case after the fact, and what to do. An unchanged case (same object) means: nothing to store."""
    match fact:
        case StoreRestricted():
            return _on_restricted(case, fact, now, rules)
        case OrderSettled():
            return _on_settled(case, fact, now, rules)
        case ReceiptCame():
            return _on_receipt(case, fact, now, rules)
        case RecipientAnswered():
            return _on_recipient(case, fact, now, rules)
        case TimeCame():
            return _on_time(case, now, rules)
        case LetterSettled():
            return _on_letter(case, fact, now, rules)


def _on_restricted(case: Case, fact: StoreRestricted, now: datetime, rules: Rules) -> Step:
    if case.state != "restricting" or fact.store in case.restricted:
        return case, ()
    had_contact = case.contact is not None
    known = {deferral.order_id for deferral in case.deferrals}
    deferrals = tuple(
        Deferral(
            order_id=order_id,
            since=fact.at,
            settled_at=now if order_id in case.settled_orders else None,
            settled_by=case.settled_orders.get(order_id),
        )
        for order_id in fact.open_orders
        if order_id not in known
    )
    case = case.model_copy(
        update={
            "restricted": {**case.restricted, fact.store: fact.at},
            "deferrals": case.deferrals + deferrals,
            "contact": case.contact or fact.contact,
        }
    )
    case = _noted(case, now, "store_restricted", store=fact.store)
    first_contact = case.contact is not None and not had_contact
    letter: tuple[Effect, ...] = (SendLetter("received"),) if first_contact and case.scope == "all" else ()
    if set(rules.stores) - set(case.restricted):
        return case, letter
    case, effects = _decided(case, now, rules)
    return case, letter + effects


def _decided(case: Case, now: datetime, rules: Rules) -> Step:
    """Every store has stopped and said what is still open."""
    if case.scope == "promotions":
        return _last_letter(case, "promotions_stopped", now, rules)
    if not case.open_orders:
        return _next_round(case, now, rules, "erasing")
    case = _noted(case, now, "deferred", orders=list(case.open_orders), ground="Law 94-V art. 8(2)")
    case, effects = _next_round(case, now, rules, "erasing")
    letter: tuple[Effect, ...] = (SendLetter("deferred"),) if case.contact else ()
    return case, letter + effects


def _next_round(case: Case, now: datetime, rules: Rules, state: State) -> Step:
    spared = case.open_orders
    case = case.model_copy(
        update={"state": state, "round": case.round + 1, "spared": spared, "due_at": None, "commanded_at": now}
    )
    case = _noted(case, now, "round_started", round=case.round)
    return case, (Erase(rules.stores, case.round, spared),)


def _on_settled(case: Case, fact: OrderSettled, now: datetime, rules: Rules) -> Step:
    if case.state == "closed" or fact.order_id in case.settled_orders:
        return case, ()
    deferrals = tuple(
        deferral.model_copy(update={"settled_at": fact.at, "settled_by": fact.how})
        if deferral.order_id == fact.order_id
        else deferral
        for deferral in case.deferrals
    )
    was_open = fact.order_id in case.open_orders
    case = case.model_copy(
        update={"deferrals": deferrals, "settled_orders": {**case.settled_orders, fact.order_id: fact.how}}
    )
    if was_open:
        case = _noted(case, now, "order_settled", order_id=fact.order_id, how=fact.how)
    if case.state == "deferred" and was_open:
        return _next_round(case, now, rules, "erasing")
    return case, ()


def _on_receipt(case: Case, fact: ReceiptCame, now: datetime, rules: Rules) -> Step:
    received = case.receipts_of(fact.round)
    if case.state == "closed" or fact.round > case.round or fact.store in received or fact.store not in rules.stores:
        return case, ()
    receipts = {**case.receipts, str(fact.round): {**received, fact.store: fact.receipt}}
    disclosures = tuple(dict.fromkeys((*case.disclosures, *fact.receipt.get("disclosures", ()))))
    case = case.model_copy(update={"receipts": receipts, "disclosures": disclosures})
    return _when_complete(case, now, rules)


def _on_recipient(case: Case, fact: RecipientAnswered, now: datetime, rules: Rules) -> Step:
    if case.state == "closed" or fact.disclosure_id in case.recipients:
        return case, ()
    answer = {"recipient": fact.recipient, "answer": fact.answer, "at": fact.at}
    case = case.model_copy(update={"recipients": {**case.recipients, fact.disclosure_id: answer}})
    case = _noted(case, now, "recipient_answered", recipient=fact.recipient, answer=fact.answer)
    return _when_complete(case, now, rules)


def _when_complete(case: Case, now: datetime, rules: Rules) -> Step:
    """A round is complete with every store's receipt; the last one also needs every told recipient's answer. Our own
    erasing waits for no recipient: keys would live as long as one of them is silent."""
    if case.state not in ("erasing", "verifying") or set(rules.stores) - set(case.receipts_of(case.round)):
        return case, ()
    left = residual(case)
    if case.state == "verifying" and left == 0 and set(case.disclosures) - set(case.recipients):
        return case, ()
    case = _noted(case, now, "round_completed", round=case.round, residual=left)
    if case.state == "verifying" and left == 0:
        return _last_letter(case, "done", now, rules)
    if left and set(case.spared) - set(case.open_orders):
        return _next_round(case, now, rules, "erasing")
    if case.open_orders:
        keep = {*rules.deferring_readers, rules.letter_reader}
        case, effects = _destroyed(case, tuple(r for r in rules.readers if r not in keep), now)
        return case.model_copy(update={"state": "deferred"}), effects
    case, effects = _destroyed(case, tuple(r for r in rules.readers if r != rules.letter_reader), now)
    return case.model_copy(update={"state": "second_pass_due", "due_at": now + rules.second_pass_after}), effects


def residual(case: Case) -> int:
    """Records the current round's receipts still found after erasing."""
    receipts = case.receipts_of(case.round).values()
    return sum(count["residual"] + count["deferred"] for r in receipts for count in r["collections"].values())


def _destroyed(case: Case, readers: tuple[str, ...], now: datetime) -> Step:
    due = tuple(reader for reader in readers if reader not in case.keys_destroyed)
    if not due:
        return case, ()
    case = case.model_copy(update={"keys_destroyed": {**case.keys_destroyed, **dict.fromkeys(due, now)}})
    return _noted(case, now, "keys_destroyed", readers=list(due)), (DestroyKeys(due),)


def _on_time(case: Case, now: datetime, rules: Rules) -> Step:
    if case.state != "second_pass_due" or case.due_at is None or now < case.due_at:
        return case, ()
    return _next_round(case, now, rules, "verifying")


def _last_letter(case: Case, kind: LetterKind, now: datetime, rules: Rules) -> Step:
    case = case.model_copy(update={"state": "closing"})
    if case.contact is None:
        return _closed(case, now, rules)
    return case, (SendLetter(kind),)


def _on_letter(case: Case, fact: LetterSettled, now: datetime, rules: Rules) -> Step:
    if fact.kind in case.letters:
        return case, ()
    case = case.model_copy(update={"letters": {**case.letters, fact.kind: fact.outcome}})
    case = _noted(case, now, "letter_settled", kind=fact.kind, outcome=fact.outcome)
    if case.state == "closing" and fact.kind in ("done", "promotions_stopped"):
        return _closed(case, now, rules)
    return case, ()


def _closed(case: Case, now: datetime, rules: Rules) -> Step:
    effects: tuple[Effect, ...] = ()
    if case.scope == "all":
        case, effects = _destroyed(case, (rules.letter_reader,), now)
    case = case.model_copy(update={"state": "closed", "contact": None, "closed_at": now})
    return _noted(case, now, "case_closed"), (*effects, Certify())


def _noted(case: Case, now: datetime, what: str, **detail: Any) -> Case:
    return case.model_copy(update={"timeline": (*case.timeline, TimelineEntry(at=now, what=what, detail=detail))})
