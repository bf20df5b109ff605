"""A withdrawal case, by outcome. Law 94-V art. 8(2), 8(7); clause 5.9.1."""

from dataclasses import replace

import pytest

from services.privacy.case import Case
from services.privacy.case_facts import (
    Certify,
    DestroyKeys,
    Erase,
    Fact,
    Fence,
    Restrict,
    SendLetter,
    StoreRestricted,
    TimeCame,
)
from services.privacy.case_steps import opened, residual
from tests.builders import NOON, at
from tests.unit.privacy.a_case import (
    CACHE,
    CONTACT,
    ORDER,
    OTHER_ORDER,
    RULES,
    STORES,
    WAIT,
    a_case,
    an_opened_case,
    answered,
    letter,
    receipts,
    restricted,
    second_pass,
    settled,
    told,
)

BUT_PRIVACY = ("intake", "delivery", "notifications")


class TestOpening:
    def test_stops_everything_at_once(self) -> None:
        case, effects = opened(a_case(), NOON, RULES)
        assert case.state == "restricting"
        assert effects == (Fence(), Restrict(STORES))

    def test_stopping_promotions_fences_nobody(self) -> None:
        """An order goes on as before: only purpose 3.2.8 ends."""
        _, effects = opened(a_case("promotions"), NOON, RULES)
        assert effects == (Restrict(STORES),)


class TestCovering:
    """Which withdrawal needs no case of its own; a replay must open nothing twice."""

    @pytest.mark.parametrize(
        ("scope", "closed_after", "wanted_scope", "received_after", "covered"),
        [
            ("all", None, "all", 1, True),
            ("all", None, "promotions", 1, True),
            ("promotions", None, "all", 1, False),
            ("promotions", 10, "promotions", 9, True),
            ("promotions", 10, "promotions", 11, False),
            ("all", 10, "promotions", 11, True),
            ("all", 10, "all", 11, True),
        ],
    )
    def test_case_covers_what_it_has_done(
        self, scope: str, closed_after: int | None, wanted_scope: str, received_after: int, covered: bool
    ) -> None:
        case = a_case(scope, closed_at=None if closed_after is None else at(closed_after))
        assert case.covers(a_case(wanted_scope, case_id="cb" * 16, received_at=at(received_after))) == covered

    def test_same_event_again_is_the_same_case(self) -> None:
        assert a_case("promotions", closed_at=at(1)).covers(a_case("promotions", received_at=at(2)))


class TestNothingOpen:
    """Accept: stop, then destroy or depersonalise."""

    def test_erases_only_once_every_store_has_stopped(self) -> None:
        case, effects = told(an_opened_case(), *restricted(STORES[:3]))
        assert (case.state, [e for e in effects if isinstance(e, Erase)]) == ("restricting", [])
        case, effects = told(case, *restricted(STORES[3:]))
        assert (case.state, effects) == ("erasing", (Erase(STORES, 1, ()),))

    def test_person_is_told_that_the_request_came(self) -> None:
        _, effects = told(an_opened_case(), *restricted())
        assert [e for e in effects if isinstance(e, SendLetter)] == [SendLetter("received")]

    def test_keys_are_destroyed_after_the_first_round_and_not_before(self) -> None:
        case, _ = told(an_opened_case(), *restricted())
        case, effects = told(case, *receipts(1, STORES[:3]))
        assert effects == ()
        case, effects = told(case, *receipts(1, STORES[3:]))
        assert effects == (DestroyKeys(BUT_PRIVACY),)
        assert case.state == "second_pass_due"

    def test_second_pass_waits_until_no_cache_can_hold_a_key(self) -> None:
        case, _ = told(an_opened_case(), *restricted(), *receipts(1))
        early, effects = told(case, TimeCame(), now=NOON + CACHE - (at(0.001) - NOON))
        assert early is case
        assert effects == ()
        case, effects = told(case, TimeCame(), now=NOON + WAIT)
        assert (case.state, effects) == ("verifying", (Erase(STORES, 2, ()),))

    def test_second_pass_waits_for_what_the_caches_last_moment_let_through(self) -> None:
        """Read before the keys' end was committed, looked up again as the cache ended, and still being written."""
        case, _ = told(an_opened_case(), *restricted(), *receipts(1))
        for seconds in (60, 61, 119.999):
            early, effects = told(case, TimeCame(), now=at(seconds))
            assert (early.state, effects) == ("second_pass_due", ())
        case, _ = told(case, TimeCame(), now=at(120))
        assert case.state == "verifying"

    def test_last_letter_goes_out_before_the_contact_and_its_key_go(self) -> None:
        case, _ = told(an_opened_case(), *restricted(), *receipts(1))
        case, effects = second_pass(case)
        assert effects[-1] == SendLetter("done")
        assert (case.state, case.contact) == ("closing", CONTACT)
        case, effects = told(case, letter("done"))
        assert effects == (DestroyKeys(("privacy",)), Certify())
        assert (case.state, case.contact) == ("closed", None)

    def test_letter_that_could_not_be_sent_does_not_hold_up_the_erasure(self) -> None:
        case, _ = second_pass(told(an_opened_case(), *restricted(), *receipts(1))[0])
        case, _ = told(case, letter("done", "mail server away"))
        assert (case.state, case.letters) == ("closed", {"done": "mail server away"})

    def test_person_without_contact_is_erased_without_letters(self) -> None:
        case, effects = told(an_opened_case(), *restricted(contact=None), *receipts(1))
        assert not [e for e in effects if isinstance(e, SendLetter)]
        case, effects = second_pass(case)
        assert case.state == "closed"
        assert effects[-2:] == (DestroyKeys(("privacy",)), Certify())

    def test_every_key_is_destroyed_when_it_is_closed(self) -> None:
        case, _ = second_pass(told(an_opened_case(), *restricted(contact=None), *receipts(1))[0])
        assert set(case.keys_destroyed) == set(RULES.readers)


class TestSomethingOpen:
    """Defer: an obligation is unfulfilled (art. 8(2)); what it needs waits, everything else goes."""

    @staticmethod
    def deferred(*open_orders: str) -> Case:
        case, _ = told(an_opened_case(), *restricted(open_orders=open_orders or (ORDER,)), *receipts(1, deferred=1))
        return case

    def test_order_is_named_and_the_person_told_why(self) -> None:
        case, effects = told(an_opened_case(), *restricted(open_orders=(ORDER,)))
        assert effects == (SendLetter("received"), SendLetter("deferred"), Erase(STORES, 1, (ORDER,)))
        assert case.open_orders == (ORDER,)
        [entry] = [entry for entry in case.timeline if entry.what == "deferred"]
        assert entry.detail == {"orders": [ORDER], "ground": "Law 94-V art. 8(2)"}

    def test_everything_the_delivery_does_not_need_goes_at_once(self) -> None:
        case = self.deferred()
        assert case.state == "deferred"
        assert set(case.keys_destroyed) == {"intake", "notifications"}

    @pytest.mark.parametrize("how", ["delivered", "returned", "cancelled"])
    def test_end_of_the_obligation_releases_the_erasure_with_no_hand(self, how: str) -> None:
        case, effects = told(self.deferred(), settled(how=how))
        assert (case.state, effects) == ("erasing", (Erase(STORES, 2, ()),))
        assert case.deferrals[0].settled_by == how
        case, effects = told(case, *receipts(2, destroyed=1))
        assert (case.state, effects) == ("second_pass_due", (DestroyKeys(("delivery",)),))

    def test_time_alone_releases_nothing(self) -> None:
        case = self.deferred()
        assert told(case, TimeCame(), now=at(10**7)) == (case, ())

    def test_another_persons_order_releases_nothing(self) -> None:
        case, effects = told(self.deferred(), settled("c" * 32))
        assert (case.state, effects) == ("deferred", ())

    def test_each_order_is_released_when_it_ends(self) -> None:
        case = self.deferred(ORDER, OTHER_ORDER)
        case, effects = told(case, settled(ORDER))
        assert effects == (Erase(STORES, 2, (OTHER_ORDER,)),)
        case, _ = told(case, *receipts(2, destroyed=1, deferred=1))
        assert case.state == "deferred"
        case, effects = told(case, settled(OTHER_ORDER))
        assert effects == (Erase(STORES, 3, ()),)

    def test_order_that_ended_before_the_store_named_it_does_not_wait(self) -> None:
        case, _ = told(an_opened_case(), settled(ORDER), *restricted(open_orders=(ORDER,)))
        assert (case.state, case.open_orders, case.round) == ("erasing", (), 1)
        assert case.deferrals[0].settled_by == "delivered"

    def test_order_that_ends_during_the_round_that_spared_it_gets_a_round_of_its_own(self) -> None:
        case, _ = told(an_opened_case(), *restricted(open_orders=(ORDER,)), settled(ORDER))
        case, effects = told(case, *receipts(1, deferred=1))
        assert (case.state, effects) == ("erasing", (Erase(STORES, 2, ()),))

    def test_that_holds_also_while_another_order_is_still_open(self) -> None:
        case, _ = told(an_opened_case(), *restricted(open_orders=(ORDER, OTHER_ORDER)), settled(ORDER))
        case, effects = told(case, *receipts(1, deferred=2))
        assert (case.state, effects) == ("erasing", (Erase(STORES, 2, (OTHER_ORDER,)),))

    def test_order_that_ends_during_a_round_that_spared_nothing_needs_no_other(self) -> None:
        case, _ = told(an_opened_case(), *restricted(open_orders=(ORDER,)), settled(ORDER), *receipts(1))
        assert case.state == "second_pass_due"

    def test_two_stores_naming_one_order_defer_it_once(self) -> None:
        answers = [replace(answer, open_orders=(ORDER,)) for answer in restricted()]
        case, _ = told(an_opened_case(), *answers)
        assert case.open_orders == (ORDER,)


class TestProof:
    """Complete needs every receipt, every recipient's answer, residual zero. Anything less stays open."""

    @staticmethod
    def verifying(disclosures: tuple[str, ...] = ()) -> Case:
        case, _ = told(an_opened_case(), *restricted(), *receipts(1, disclosures=disclosures))
        case, _ = told(case, TimeCame(), now=NOON + WAIT)
        return case

    @pytest.mark.parametrize("silent", STORES)
    def test_one_silent_store_keeps_it_open(self, silent: str) -> None:
        others = [store for store in STORES if store != silent]
        for before, facts in (
            (an_opened_case(), restricted(others)),
            (told(an_opened_case(), *restricted())[0], receipts(1, others)),
            (self.verifying(), receipts(2, others)),
        ):
            case, _ = told(before, *facts, *facts)
            assert case.state == before.state

    def test_record_that_is_left_starts_another_pass(self) -> None:
        case, effects = told(self.verifying(), *receipts(2, residual=1))
        assert residual(case) == 1
        assert (case.state, effects) == ("second_pass_due", ())
        case, effects = second_pass(case)
        assert effects[0] == Erase(STORES, 3, ())
        assert case.state == "closing"

    def test_record_that_waits_counts_as_left(self) -> None:
        case, _ = told(self.verifying(), *receipts(2, deferred=1))
        assert case.state == "second_pass_due"

    def test_recipient_that_has_not_answered_keeps_it_open(self) -> None:
        case, _ = told(self.verifying(("d1", "d2")), *receipts(2))
        assert case.state == "verifying"
        case, _ = told(case, answered("d1"))
        assert case.state == "verifying"
        case, effects = told(case, answered("d2"))
        assert (case.state, effects) == ("closing", (SendLetter("done"),))

    def test_silent_recipient_does_not_keep_the_keys_alive(self) -> None:
        case, effects = told(an_opened_case(), *restricted(), *receipts(1, disclosures=("d1",)))
        assert (case.state, effects[-1]) == ("second_pass_due", DestroyKeys(BUT_PRIVACY))

    def test_answer_that_came_before_the_receipt_counts(self) -> None:
        case, _ = told(self.verifying(), answered("d1"), *receipts(2, disclosures=("d1",)))
        assert case.state == "closing"

    def test_receipt_of_a_round_that_was_not_asked_for_is_no_receipt(self) -> None:
        case = told(an_opened_case(), *restricted())[0]
        assert told(case, *receipts(2)) == (case, ())

    def test_receipt_of_a_store_the_policy_does_not_know_is_no_receipt(self) -> None:
        case = told(an_opened_case(), *restricted())[0]
        assert told(case, *receipts(1, ("elsewhere",))) == (case, ())

    def test_first_receipt_of_a_round_stands(self) -> None:
        """A command that was repeated is answered with zeros; the true counts came first."""
        case, _ = told(an_opened_case(), *restricted(), *receipts(1, ("delivery",), destroyed=3))
        assert told(case, *receipts(1, ("delivery",))) == (case, ())
        assert case.receipts["1"]["delivery"]["collections"]["things"]["destroyed"] == 3

    def test_store_taken_out_of_the_policy_meanwhile_is_not_waited_for(self) -> None:
        fewer = replace(RULES, stores=STORES[:3])
        case, _ = told(an_opened_case(), *restricted(STORES[1:]))
        case, effects = told(case, *restricted(STORES[:1]), rules=fewer)
        assert effects[-1] == Erase(STORES[:3], 1, ())
        case, _ = told(case, *receipts(1, STORES[1:3]), rules=RULES)
        case, _ = told(case, *receipts(1, STORES[:1]), rules=fewer)
        assert case.state == "second_pass_due"


class TestPromotionsOnly:
    """Partial: the contract's data stay (art. 24(1)(5); clause 3.2.8)."""

    def test_closes_when_every_store_stopped_and_the_letter_is_settled(self) -> None:
        case, effects = told(an_opened_case("promotions"), *restricted())
        assert (case.state, effects) == ("closing", (SendLetter("promotions_stopped"),))
        case, effects = told(case, letter("promotions_stopped"))
        assert (case.state, effects) == ("closed", (Certify(),))

    def test_erases_nothing_and_destroys_no_key(self) -> None:
        case, effects = told(an_opened_case("promotions"), *restricted(), letter("promotions_stopped"))
        assert not [e for e in effects if isinstance(e, Erase | DestroyKeys | Fence)]
        assert case.keys_destroyed == {}
        assert case.contact is None


def everything_a_case_may_be_told(rounds: int = 3) -> list[Fact]:
    return [
        *restricted(open_orders=(ORDER,)),
        *(fact for number in range(1, rounds + 1) for fact in receipts(number, disclosures=("d1",), destroyed=1)),
        settled(),
        answered("d1"),
        TimeCame(),
        *(letter(kind) for kind in ("received", "deferred", "done")),
    ]


class TestRepeated:
    """Late is harmless: a fact that came before changes nothing."""

    @pytest.mark.parametrize("fact", everything_a_case_may_be_told(), ids=str)
    def test_closed_case_stays_as_it_is(self, fact: Fact) -> None:
        case, _ = second_pass(told(an_opened_case(), *restricted(), *receipts(1))[0])
        case, _ = told(case, letter("received"), letter("deferred"), letter("done"))
        assert case.state == "closed"
        again, effects = told(case, fact, now=at(10**6))
        assert again is case
        assert effects == ()

    def test_each_fact_twice_asks_for_each_thing_once(self) -> None:
        facts = [*restricted(), *receipts(1)]
        once = told(an_opened_case(), *facts)
        twice = told(an_opened_case(), *(fact for fact in facts for _ in range(2)))
        assert once == twice

    def test_contact_that_two_stores_bring_makes_one_letter(self) -> None:
        answers = [
            StoreRestricted("intake", NOON, (), CONTACT),
            StoreRestricted("delivery", NOON, (), CONTACT),
        ]
        _, effects = told(an_opened_case(), *answers)
        assert effects == (SendLetter("received"),)

    def test_late_letter_does_not_reopen(self) -> None:
        case, _ = second_pass(told(an_opened_case(), *restricted(), *receipts(1))[0])
        case, _ = told(case, letter("done"), letter("received", "no contact any more"))
        assert case.state == "closed"
        assert case.letters == {"done": "sent", "received": "no contact any more"}


class TestCovers:
    """Which withdrawals are one case with another."""

    OTHER = "cb" * 16

    def closed(self, scope: str) -> Case:
        return a_case(scope, state="closed", closed_at=at(100))

    def test_same_case_whatever_its_state(self) -> None:
        assert self.closed("promotions").covers(a_case("promotions", received_at=at(500)))

    def test_running_case_covers_the_same_and_less(self) -> None:
        assert a_case().covers(a_case(case_id=self.OTHER, received_at=at(500)))
        assert a_case().covers(a_case("promotions", case_id=self.OTHER))

    def test_promotions_do_not_cover_everything(self) -> None:
        assert not a_case("promotions").covers(a_case(case_id=self.OTHER))
        assert not self.closed("promotions").covers(a_case(case_id=self.OTHER))

    def test_erased_person_has_nothing_more_to_withdraw(self) -> None:
        assert self.closed("all").covers(a_case(case_id=self.OTHER, received_at=at(500)))
        assert self.closed("all").covers(a_case("promotions", case_id=self.OTHER, received_at=at(500)))

    def test_closed_stop_of_promotions_covers_what_came_in_before_it_closed(self) -> None:
        assert self.closed("promotions").covers(a_case("promotions", case_id=self.OTHER, received_at=at(99)))
        assert not self.closed("promotions").covers(a_case("promotions", case_id=self.OTHER, received_at=at(101)))
