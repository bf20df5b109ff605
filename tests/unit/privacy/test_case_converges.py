"""Whatever the order in which facts come, and however often: a case closes, and never before everything is proven.

A small world stands in for the stores: it takes commands, answers with facts, and hypothesis decides what is
delivered when, what twice, when orders end, recipients answer, late writers write, and time passes.
"""

from collections import Counter
from datetime import timedelta
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from services.privacy.case import Case
from services.privacy.case_facts import (
    Certify,
    DestroyKeys,
    Effect,
    Erase,
    Fact,
    Fence,
    ReceiptCame,
    RecipientAnswered,
    Restrict,
    SendLetter,
    StoreRestricted,
    TimeCame,
)
from services.privacy.case_steps import opened, residual, step
from tests.builders import NOON
from tests.unit.privacy.a_case import CONTACT, RULES, STORES, WAIT, a_case, counts, letter, settled

ORDERS = ("a" * 32, "b" * 32, "c" * 32)
PATIENCE = 12


class World(RuleBasedStateMachine):
    """What the stores hold: per store, records without an order, and in delivery one record per order."""

    @initialize(
        open_orders=st.sets(st.sampled_from(ORDERS)),
        intake_lags=st.booleans(),
        has_contact=st.booleans(),
        disclosures=st.integers(0, 2),
        scope=st.sampled_from(["all", "all", "all", "promotions"]),
        missing=st.sampled_from(["recipient", "order", "letter", *STORES]),
    )
    def begin(
        self, open_orders: set[str], intake_lags: bool, has_contact: bool, disclosures: int, scope: str, missing: str
    ) -> None:
        self.missing = missing
        self.now = NOON
        self.records = Counter(dict.fromkeys(STORES, 2))
        self.stubborn: Counter[str] = Counter()
        self.shipments = set(ORDERS)
        self.open = set(open_orders)
        self.intake_lags = intake_lags
        self.has_contact = has_contact
        self.disclosures = [f"d{number}" for number in range(disclosures)]
        self.commands: list[Effect] = []
        self.facts: list[Fact] = []
        self.unsent: list[str] = []
        self.alive = set(RULES.readers)
        self.fenced = self.contact_seen = False
        self.certificates = 0
        self.case, effects = opened(a_case(scope), self.now, RULES)
        self._do(effects)

    # What may happen, in any order.

    @precondition(lambda self: self.commands)
    @rule(data=st.data(), again=st.booleans())
    def store_takes_a_command(self, data: st.DataObject, again: bool) -> None:
        command = data.draw(st.sampled_from(self.commands))
        if not again:
            self.commands.remove(command)
        self.facts.append(self._answer(command))

    @precondition(lambda self: self.facts)
    @rule(data=st.data(), again=st.booleans())
    def fact_arrives(self, data: st.DataObject, again: bool) -> None:
        fact = data.draw(st.sampled_from(self.facts))
        if not again:
            self.facts.remove(fact)
        self._tell(fact)

    @rule(data=st.data())
    def all_that_is_on_its_way_arrives(self, data: st.DataObject) -> None:
        commands, self.commands = data.draw(st.permutations(self.commands)), []
        self.facts.extend(self._answer(command) for command in commands)
        facts, self.facts = data.draw(st.permutations(self.facts)), []
        for fact in facts:
            self._tell(fact)
            self.never_closed_without_proof()

    @precondition(lambda self: self.open)
    @rule(data=st.data(), how=st.sampled_from(["delivered", "returned", "cancelled"]))
    def order_ends(self, data: st.DataObject, how: str) -> None:
        self._end(data.draw(st.sampled_from(sorted(self.open))), how)

    @rule(disclosure=st.sampled_from(["d0", "d1"]))
    def recipient_answers(self, disclosure: str) -> None:
        if disclosure in self.disclosures:
            self.facts.append(RecipientAnswered(disclosure, "courier_partner", "forgotten", self.now))

    @rule(seconds=st.sampled_from([1, 30, 61]))
    def time_passes(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)
        self.facts.append(TimeCame())

    @rule(kind=st.sampled_from(["received", "deferred", "done", "promotions_stopped"]), sent=st.booleans())
    def letter_is_settled(self, kind: str, sent: bool) -> None:
        if kind in self.unsent:
            self.unsent.remove(kind)
            self.facts.append(letter(kind, "sent" if sent else "mail server away"))

    @rule(store=st.sampled_from(["intake", "delivery", "notifications"]))
    def late_writer_writes(self, store: str) -> None:
        """With a key still in a cache, or looked up with one and slow to write: no later than the wait after the keys
        were destroyed. The privacy service asks past its cache."""
        destroyed = self.case.keys_destroyed.get(store)
        if destroyed is None or self.now < destroyed + WAIT:
            self.records[store] += 1

    @rule(store=st.sampled_from(STORES))
    def store_fails_to_erase_one_record_once(self, store: str) -> None:
        self.stubborn[store] = 1

    # What must hold after every step.

    @invariant()
    def never_closed_without_proof(self) -> None:
        case: Case | None = getattr(self, "case", None)
        if case is None or case.state != "closed":
            assert case is None or self.certificates == 0
            return
        assert self.certificates == 1
        assert case.contact is None
        assert not self.contact_seen or {"done", "promotions_stopped"} & set(case.letters), "a person was not answered"
        assert set(case.restricted) == set(STORES)
        if case.scope == "promotions":
            assert self.alive == set(RULES.readers)
            return
        assert self.fenced
        assert set(case.receipts_of(case.round)) == set(STORES), "a receipt is missing"
        assert residual(case) == 0, "something is left"
        assert not set(case.disclosures) - set(case.recipients), "a recipient has not answered"
        assert not case.open_orders, "an order is open"
        assert not self.alive, "a key lives"
        assert set(case.keys_destroyed) == set(RULES.readers)
        assert not self.records.total(), "a store still holds a record"
        assert not self.shipments

    @invariant()
    def keys_a_delivery_needs_live_while_it_is_open(self) -> None:
        if getattr(self, "case", None) is not None and self.case.open_orders:
            assert {"delivery", "privacy"} <= self.alive

    @invariant()
    def letters_can_be_opened_until_the_case_is_closed(self) -> None:
        if getattr(self, "case", None) is not None and self.case.state != "closed":
            assert "privacy" in self.alive

    def teardown(self) -> None:
        """From wherever that led: while one party is missing it stays open if it needs that one, and once everybody
        does their part, it closes."""
        if getattr(self, "case", None) is None:
            return
        for _ in range(PATIENCE):
            self._everybody_acts(but=self.missing)
        for _ in range(PATIENCE):
            self._everybody_acts(but=None)
        assert self.case.state == "closed", f"stuck in {self.case.state}"
        self._everything_again_changes_nothing()

    def _everybody_acts(self, but: str | None) -> None:
        if self.case.state == "closed":
            return
        if but != "order":
            for order_id in sorted(self.open):
                self._end(order_id, "delivered")
        for command in list(self.commands):
            if command[1] != but:  # type: ignore[index]
                self.commands.remove(command)
                self.facts.append(self._answer(command))
        if but != "recipient":
            for disclosure in self.disclosures:
                self.recipient_answers(disclosure)
        if but != "letter":
            for kind in list(self.unsent):
                self.letter_is_settled(kind, True)
        self.time_passes(61)
        facts, self.facts = self.facts, []
        for fact in facts:
            self._tell(fact)
            self.never_closed_without_proof()

    def _everything_again_changes_nothing(self) -> None:
        closed = self.case
        for command in (Restrict(STORES), *(Erase(STORES, number, ()) for number in range(1, closed.round + 1))):
            for store in STORES:
                self._tell(self._answer((command, store)))
        for order_id in ORDERS:
            self._tell(settled(order_id))
        self._tell(TimeCame())
        assert self.case is closed

    # How the world works.

    def _tell(self, fact: Fact) -> None:
        before = self.case
        self.case, effects = step(before, fact, self.now, RULES)
        self.contact_seen = self.contact_seen or self.case.contact is not None
        assert self.case is not before or not effects, "asked for something without a change to store"
        self._do(effects)

    def _do(self, effects: tuple[Effect, ...]) -> None:
        for effect in effects:
            match effect:
                case Restrict(stores) | Erase(stores):
                    assert isinstance(effect, Restrict) or set(self.case.restricted) == set(STORES)
                    self.commands.extend((effect, store) for store in stores)  # type: ignore[misc]
                case DestroyKeys(readers):
                    assert set(readers) <= self.alive, "destroyed twice"
                    self.alive -= set(readers)
                case SendLetter(kind):
                    assert kind not in self.unsent, "the same letter twice"
                    self.unsent.append(kind)
                case Fence():
                    self.fenced = True
                case Certify():
                    self.certificates += 1

    def _end(self, order_id: str, how: str) -> None:
        self.open.discard(order_id)
        self.facts.append(settled(order_id, how))

    def _answer(self, command: Any) -> Fact:
        effect, store = command
        if isinstance(effect, Restrict):
            lagging = store == "intake" and self.intake_lags
            named = ORDERS if lagging else sorted(self.open) if store in ("intake", "delivery") else ()
            for order_id in set(named) - self.open:  # it has ended; that fact is on its way
                self.facts.append(settled(order_id))
            contact = CONTACT if store == "intake" and self.has_contact else None
            return StoreRestricted(store, self.now, tuple(named), contact)
        return ReceiptCame(store, effect.round, self._erase(store, effect))

    def _erase(self, store: str, command: Erase) -> dict[str, Any]:
        left = min(self.stubborn[store], self.records[store])
        destroyed, self.records[store] = self.records[store] - left, left
        self.stubborn[store] = 0
        spared = self.shipments & set(command.open_orders) if store == "delivery" else set()
        if store == "delivery":
            destroyed += len(self.shipments - spared)
            self.shipments = spared
        told = self.disclosures if store == "delivery" else []
        return {
            "collections": {"things": counts(destroyed=destroyed, deferred=len(spared), residual=left)},
            "disclosures": list(told),
        }


TestCaseConverges = World.TestCase
TestCaseConverges.settings = settings(max_examples=120, stateful_step_count=40, deadline=None)


def test_patience_is_enough_for_the_slowest_case() -> None:
    """Stopping, a round per order, the second pass, one for each store that left a record, the letter."""
    assert 1 + len(ORDERS) + 1 + len(STORES) + 1 <= PATIENCE
