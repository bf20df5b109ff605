"""From a withdrawal to the certificate, on real stores: whatever is repeated, reordered or interrupted."""

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import bson
import pytest
from pymongo.errors import AutoReconnect

from services.privacy.case import Case
from services.privacy.case_facts import ReceiptCame
from services.privacy.letter_store import LEASE
from services.privacy.verify_certificate import failures
from shared.contracts.erasure import EraseSubject, RecipientAnswered, SubjectErased, SubjectRestricted
from shared.mail.smtp import MailServerAway
from shared.messaging.cloudevents import new_id
from shared.policy.check import unknown_fields
from shared.stores.receipts import PublicKeys
from tests.builders import NOON, received, values_of
from tests.integration.privacy.an_office import PERSON, POLICY, STORES, Office, Person, delivered, withdrawn

pytestmark = pytest.mark.integration
Offices = Callable[..., Awaitable[Office]]
ANSWERS = (SubjectRestricted.type_name(), SubjectErased.type_name())


async def certified(office: Office, person: Person) -> dict[str, Any]:
    """The case is closed and its certificate holds with the public keys alone."""
    case = await office.case_of(person)
    assert case.state == "closed"
    assert case.contact is None
    certificate = await office.privacy.certificates.of(case.case_id)
    assert certificate is not None
    assert failures(certificate, PublicKeys.from_folder(office.keys_root / "public")) == []
    return certificate


async def gone(office: Office, *people: Person) -> None:
    """No key, no way to find them, no record but those the policy keeps."""
    subjects = {person.subject_id for person in people}
    for person in people:
        keyring = await office.keyring_of(person)
        assert keyring["keys"] == {}
        assert keyring["fenced_at"] is not None
    index = office.client["keyring"]["people"]
    assert await index.count_documents({"subject_id": {"$in": list(subjects)}}) == 0
    for store in STORES:
        for name, plan in POLICY.store(store).collections.items():
            if plan.subject and plan.action != "keep":
                left = await office.database(store)[name].count_documents({plan.subject: {"$in": list(subjects)}})
                assert not left, f"{store}.{name}"
    assert await office.database("privacy")["answers"].count_documents({}) == 0
    assert not [row async for row in office.database("delivery")["shipments"].find({"sealed": {"$exists": True}})]


@pytest.mark.parametrize("channel", ["shop", "web"])
async def test_promotions_stop_as_of_when_the_person_asked_intake(office: Office, channel: str) -> None:
    """By the clock that dates the person's choices: the privacy service's own may be fast, and undo a later one."""
    by_shop, by_officer = await office.arrive(2, open_order=False)
    asked = withdrawn(by_shop, "promotions")
    await office.dispatch([received(asked.event.model_copy(update={"channel": channel}))])
    await office.withdraw(by_officer, "promotions")
    times = {item.event.subject_id: item.time for item in await office.collect()}
    assert times[by_shop.subject_id] == NOON
    assert times[by_officer.subject_id] > NOON


class TestOnePerson:
    async def test_without_open_order_is_erased_and_certified(self, office: Office) -> None:
        [person] = await office.arrive(1, open_order=False)
        await office.withdraw(person)
        await office.run()
        certificate = await certified(office, person)
        await gone(office, person)
        assert certificate["final_round"] == 2
        assert certificate["deferrals"] == []
        assert certificate["letters"] == {"received": "sent", "done": "sent"}

    async def test_with_open_order_waits_for_it_and_goes_on_by_itself(self, office: Office) -> None:
        [person] = await office.arrive(1, open_order=True)
        case = await office.withdraw(person)
        await office.run()
        case = await office.case_of(person)
        assert (case.state, case.open_orders) == ("deferred", (person.order_id,))
        assert set((await office.keyring_of(person))["keys"]) == {"delivery", "privacy"}
        assert await office.database("delivery")["shipments"].count_documents({"sealed": {"$exists": True}}) == 1
        assert await office.database("notifications")["recipients"].count_documents({}) == 0
        assert await office.privacy.certificates.of(case.case_id) is None
        await office.settle(person)
        await office.run()
        certificate = await certified(office, person)
        await gone(office, person)
        assert [deferral["settled_by"] for deferral in certificate["deferrals"]] == ["delivered"]
        assert certificate["letters"] == {"received": "sent", "deferred": "sent", "done": "sent"}
        assert {mail["to"] for mail in office.mailbox.mails.values()} == {PERSON.email}

    async def test_nothing_of_the_person_is_in_any_store_afterwards(self, office: Office) -> None:
        [person] = await office.arrive(1, open_order=True)
        await office.withdraw(person)
        await office.run()
        during = [bson.encode(row) for rows in (await office.everything()).values() for row in rows]
        await office.settle(person)
        await office.run()
        after = [bson.encode(row) for rows in (await office.everything()).values() for row in rows]
        for row in (*during, *after):
            assert not [value for value in values_of(PERSON) if value.encode() in row]

    async def test_every_record_is_described_in_the_policy(self, office: Office) -> None:
        [person] = await office.arrive(1, open_order=True)
        await office.withdraw(person)
        for settle in (False, True):
            if settle:
                await office.settle(person)
            await office.run()
            for name, rows in (await office.everything()).items():
                store, _, collection = name.partition(".")
                for row in rows:
                    assert unknown_fields(POLICY, store, collection, row) == [], name

    async def test_ledger_tells_what_happened_and_holds(self, office: Office) -> None:
        [person] = await office.arrive(1, open_order=True)
        case = await office.withdraw(person)
        await office.run()
        await office.settle(person)
        await office.run()
        await office.privacy.ledger.verify()
        rows = office.database("privacy")["ledger"].find({"case_id": case.case_id}).sort("_id")
        told = [row["what"] async for row in rows]
        assert told[0] == "case_opened"
        assert told[-2:] == ["case_closed", "certificate_issued"]
        assert Counter(told)["store_restricted"] == 4
        assert {"deferred", "order_settled", "keys_destroyed", "letter_settled"} <= set(told)

    async def test_order_that_ended_before_the_withdrawal_is_not_waited_for(self, office: Office) -> None:
        """Intake may not have heard of it yet and still calls it open."""
        [person] = await office.arrive(1, open_order=True)
        await office.dispatch([delivered(person)])
        await office.withdraw(person)
        await office.run()
        certificate = await certified(office, person)
        assert [deferral["settled_by"] for deferral in certificate["deferrals"]] == ["delivered"]

    async def test_stopping_promotions_keeps_everything_else(self, office: Office) -> None:
        [person] = await office.arrive(1, open_order=True)
        before = await office.everything("outbox")
        case = await office.withdraw(person, "promotions")
        await office.run()
        found = await office.privacy.cases.by_id(case.case_id)
        assert found is not None
        assert (found.state, found.letters) == ("closed", {"promotions_stopped": "sent"})
        after = await office.everything("outbox")
        assert {name: rows for name, rows in after.items() if not name.startswith("privacy.")} == {
            name: rows for name, rows in before.items() if not name.startswith("privacy.")
        }
        keyring = await office.keyring_of(person)
        assert set(keyring["keys"]) == set(STORES)
        assert keyring["fenced_at"] is None
        certificate = await office.privacy.certificates.of(case.case_id)
        assert certificate is not None
        assert failures(certificate, PublicKeys.from_folder(office.keys_root / "public")) == []

    async def test_recipient_that_has_not_answered_keeps_the_case_open_and_no_key(self, office: Office) -> None:
        [person] = await office.arrive(1, open_order=False)
        office.told[person.subject_id] = ("d" * 32,)
        case = await office.withdraw(person)
        await office.run()
        assert (await office.case_of(person)).state == "verifying"
        assert set((await office.keyring_of(person))["keys"]) == {"privacy"}
        answer = RecipientAnswered(
            subject_id=person.subject_id,
            case_id=case.case_id,
            disclosure_id="d" * 32,
            recipient="courier_partner",
            answer="forgotten",
            answered_at=NOON,
        )
        await office.dispatch([received(answer)])
        await office.run()
        certificate = await certified(office, person)
        assert certificate["recipients"]["d" * 32]["answer"] == "forgotten"

    async def test_last_letter_that_fails_once_still_finds_its_address(self, office: Office) -> None:
        [person] = await office.arrive(1, open_order=False)
        await office.withdraw(person)
        await office.run(letters=False)
        assert (await office.case_of(person)).state == "closing"
        office.mailbox.refusals = [MailServerAway(), MailServerAway()]
        await office.privacy.sender.send_due(datetime.now(UTC))
        assert (await office.case_of(person)).state == "closing"
        for minutes in range(1, 5):
            await office.privacy.sender.send_due(datetime.now(UTC) + timedelta(minutes=minutes))
        assert (await certified(office, person))["letters"] == {"received": "sent", "done": "sent"}
        assert [mail.rpartition("-")[2] for mail in office.mailbox.mails] == ["received", "done"]
        await gone(office, person)

    @pytest.mark.parametrize("faults", range(3))
    async def test_no_letter_of_a_case_overtakes_another(self, office: Office, faults: int) -> None:
        people = await office.arrive(5, open_order=True)
        for person in people:
            await office.withdraw(person)
        await office.run(letters=False)
        office.mailbox.refusals = [MailServerAway() for _ in range(faults * len(people))]
        for minutes in range(1, 10):
            await office.privacy.sender.send_due(datetime.now(UTC) + timedelta(minutes=minutes))
        for person in people:
            case = await office.case_of(person)
            kinds = [mail.rpartition("-")[2] for mail in office.mailbox.mails if case.case_id in mail]
            assert kinds == ["received", "deferred"]

    async def test_second_pass_is_due_by_the_servers_clock(self, office: Office) -> None:
        async def server() -> datetime:
            return NOON

        office.clock = server
        [person] = await office.arrive(1, open_order=False)
        await office.withdraw(person)
        for _ in range(6):
            await office.dispatch(await office.collect())
        case = await office.case_of(person)
        assert case.state == "second_pass_due"
        assert case.due_at is not None
        assert NOON < case.due_at < NOON + timedelta(minutes=1)
        assert not await office.privacy.watch.start_second_passes(NOON)
        assert (await office.case_of(person)).state == "second_pass_due"
        await office.privacy.watch.start_second_passes(NOON + timedelta(minutes=1))
        assert (await office.case_of(person)).state == "verifying"

    async def test_order_event_in_the_last_moments_leaves_no_record(self, office: Office) -> None:
        [person] = await office.arrive(1, open_order=False)
        await office.withdraw(person)
        await office.run(letters=False)
        assert (await office.case_of(person)).state == "closing"
        placed = office.publisher.order_of(person.keys, PERSON, order_id=person.order_id)
        await office.dispatch([placed, delivered(person)])
        await office.run()
        await office.dispatch([placed, delivered(person)])
        await certified(office, person)
        await gone(office, person)


class TestRepeated:
    async def test_same_withdrawal_read_again_opens_nothing_twice(self, office: Office) -> None:
        people = await office.arrive(3, open_order=True)
        events = await office.withdraw_many(people)
        await office.dispatch(events)
        await office.run()
        await office.dispatch(events)
        await office.settle(*people)
        await office.run()
        await office.dispatch(events)
        await office.run()
        assert await office.database("privacy")["cases"].count_documents({}) == 3
        for person in people:
            await certified(office, person)

    async def test_second_withdrawal_of_the_same_person_is_the_case_that_runs(self, office: Office) -> None:
        [person] = await office.arrive(1, open_order=True)
        first = await office.withdraw(person)
        again = await office.withdraw(person)
        narrower = await office.withdraw(person, "promotions")
        merged = [withdrawn(person), withdrawn(person, "promotions")]
        await office.dispatch(merged)
        assert first.case_id == again.case_id == narrower.case_id
        await office.run()
        await office.settle(person)
        await office.run()
        await certified(office, person)
        await office.dispatch(merged)
        assert await office.database("privacy")["cases"].count_documents({}) == 1

    async def test_wider_withdrawal_is_a_case_of_its_own(self, office: Office) -> None:
        [person] = await office.arrive(1, open_order=False)
        promotions = await office.withdraw(person, "promotions")
        everything = await office.withdraw(person)
        assert promotions.case_id != everything.case_id
        await office.run()
        await certified(office, person)
        found = await office.privacy.cases.by_id(promotions.case_id)
        assert found is not None
        assert found.state == "closed"

    async def test_withdrawal_of_nobody_is_put_aside(self, office: Office) -> None:
        stranger = Person(new_id(), new_id(), new_id(), None)  # type: ignore[arg-type]
        await office.dispatch([withdrawn(stranger)])
        assert [code for _, code in office.refused] == ["subject-unknown"]
        assert await office.database("privacy")["cases"].count_documents({}) == 0

    @pytest.mark.parametrize("seed", range(2))
    async def test_everything_again_in_any_order_changes_nothing(self, an_office: Offices, seed: int) -> None:
        office = await an_office()
        people = [*await office.arrive(3, open_order=True), *await office.arrive(3, open_order=False)]
        await office.withdraw_many(people)
        await office.run()
        await office.settle(*people)
        await office.run()
        before, mails = await office.everything(), dict(office.mailbox.mails)
        keyrings = [await office.keyring_of(person) for person in people]
        again = [*office.posted, *(delivered(person) for person in people), *(withdrawn(person) for person in people)]
        again = [item for item in again if item.event_type != "kz.exl.ConsentWithdrawn.v1"]
        order = random.Random(seed)
        order.shuffle(again)
        for start in range(0, len(again), 20):
            await office.dispatch(again[start : start + 20])
        await office.run()
        after = await office.everything()
        assert {name for name in before if before[name] != after[name]} == set()
        assert office.mailbox.mails == mails
        assert [await office.keyring_of(person) for person in people] == keyrings

    @pytest.mark.parametrize("seed", range(4))
    async def test_any_order_and_any_repetition_converges(self, an_office: Offices, seed: int) -> None:
        office = await an_office(seed=seed)
        people = [*await office.arrive(3, open_order=True), *await office.arrive(3, open_order=False)]
        await office.withdraw_many(people)
        if seed % 2:
            await office.run()
        await office.settle(*people[:2])
        await office.run()
        await office.settle(people[2])
        await office.run()
        for person in people:
            await certified(office, person)
        await gone(office, *people)
        await office.privacy.ledger.verify()


class TestInterrupted:
    async def test_transaction_that_fails_changes_nothing_and_can_be_repeated(
        self, office: Office, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        [person] = await office.arrive(1, open_order=False)
        before = await office.everything()

        async def die(*_: Any) -> Any:
            raise AutoReconnect("gone")

        with monkeypatch.context() as patch:
            patch.setattr(office.privacy.outbox, "append", die)
            with pytest.raises(AutoReconnect):
                await office.withdraw(person)
        after = await office.everything()
        assert {name: rows for name, rows in after.items() if rows} == {n: rows for n, rows in before.items() if rows}
        assert (await office.keyring_of(person))["fenced_at"] is None
        await office.withdraw(person)
        await office.run()
        await certified(office, person)

    @pytest.mark.parametrize("part", ["save", "append", "queue", "put", "destroy"])
    @pytest.mark.parametrize("moment", [0, 3])
    async def test_death_within_any_step_converges(
        self, office: Office, monkeypatch: pytest.MonkeyPatch, part: str, moment: int
    ) -> None:
        """The write of one part fails once, at its `moment`-th time; the batch is read again, as after a restart."""
        stores = office.privacy.process._stores
        where = {
            "save": stores.cases,
            "append": stores.ledger,
            "queue": stores.letters,
            "put": stores.certificates,
            "destroy": stores.keyring,
        }
        whole, calls = getattr(where[part], part), 0

        async def fail_once(*arguments: Any) -> Any:
            nonlocal calls
            calls += 1
            done = await whole(*arguments)
            if calls == moment + 1:
                raise AutoReconnect("gone")
            return done

        monkeypatch.setattr(where[part], part, fail_once)
        [person] = await office.arrive(1, open_order=True)
        event = withdrawn(person)
        await insist(lambda: office.dispatch([event]))
        await insist_run(office)
        await insist(lambda: office.settle(person))
        await insist_run(office)
        await certified(office, person)
        await gone(office, person)
        await office.privacy.ledger.verify()

    @pytest.mark.parametrize("read_again", [4, 1])
    async def test_answers_a_crash_left_behind_go_when_they_are_read_again(
        self, office: Office, monkeypatch: pytest.MonkeyPatch, read_again: int
    ) -> None:
        """All of them, or only the last: what came in an earlier batch is committed, and read no more."""
        [person] = await office.arrive(1, open_order=False)
        await office.withdraw(person)

        async def die(*_: Any) -> Any:
            raise AutoReconnect("gone")

        answers = office.privacy.answers
        whole = answers.forget
        monkeypatch.setattr(answers, "forget", die)
        items = await office.collect()
        await office.dispatch(items)
        answered = await office.collect()
        with pytest.raises(AutoReconnect):
            await office.dispatch(answered)
        assert await office.database("privacy")["answers"].count_documents({}) == 4
        monkeypatch.setattr(answers, "forget", whole)
        await office.dispatch(answered[-read_again:])
        assert await office.database("privacy")["answers"].count_documents({}) == 0
        await office.run()
        await certified(office, person)
        await gone(office, person)

    @pytest.mark.parametrize("lost", [*ANSWERS, "kz.exl.RestrictSubject.v1", "kz.exl.EraseSubject.v1"])
    async def test_store_that_was_silent_is_asked_again(self, office: Office, lost: str) -> None:
        [person] = await office.arrive(1, open_order=False)
        office.lost = {lost}
        await office.withdraw(person)
        await office.run()
        assert (await office.case_of(person)).state in ("restricting", "erasing")
        office.lost = set()
        while not await office.privacy.watch.remind_silent_stores(datetime.now(UTC) + timedelta(minutes=1)):
            await office.run()
            if (await office.case_of(person)).state == "closed":
                break
        await certified(office, person)
        await gone(office, person)

    async def test_reminder_waits_for_its_time(self, office: Office) -> None:
        [person] = await office.arrive(1, open_order=False)
        await office.withdraw(person)
        await office.collect()
        await office.privacy.watch.remind_silent_stores(datetime.now(UTC))
        assert await office.collect() == []


async def insist(act: Callable[[], Awaitable[Any]]) -> None:
    """As a consumer does: the batch is read again."""
    try:
        await act()
    except AutoReconnect:
        await act()


async def insist_run(office: Office) -> None:
    """As the office runs; whatever was in a batch that failed comes again, a letter once its lease is over."""
    for _ in range(3):
        try:
            await office.run()
            await office.privacy.sender.send_due(datetime.now(UTC) + 2 * LEASE)
        except AutoReconnect:
            await office.dispatch(office.posted)


class TestForged:
    @pytest.fixture
    async def erasing(self, office: Office) -> tuple[Office, Person, Case]:
        [person] = await office.arrive(1, open_order=False)
        await office.withdraw(person)
        await office.dispatch(await office.collect())
        await office.dispatch(await office.collect())
        case = await office.case_of(person)
        assert case.state == "erasing"
        return office, person, case

    async def test_receipt_of_a_store_that_another_service_signed_is_put_aside(
        self, erasing: tuple[Office, Person, Case]
    ) -> None:
        office, person, case = erasing
        commands = await office.collect()
        assert {type(item.event) for item in commands} == {EraseSubject}
        await office.dispatch([item for item in commands if item.event.store != "delivery"])
        receipts = await office.collect()
        genuine = next(item.event for item in receipts if item.event.store == "intake")
        forged = genuine.model_copy(update={"store": "delivery"})
        await office.dispatch([received(forged), received(forged.model_copy(update={"signature": None}))])
        assert [code for _, code in office.refused] == ["signature-invalid"] * 2
        await office.dispatch(receipts)
        await office.run()
        assert (await office.case_of(person)).state == "erasing", "delivery has not answered"
        assert (await office.case_of(person)).case_id == case.case_id

    async def test_receipt_for_another_subject_or_round_changes_nothing(
        self, erasing: tuple[Office, Person, Case]
    ) -> None:
        office, _, case = erasing
        [other] = await office.arrive(1, open_order=False)
        for subject, round_ in ((other.subject_id, 1), (case.subject_id, 2), (case.subject_id, 9)):
            command = EraseSubject(subject_id=subject, case_id=case.case_id, store="delivery", round=round_)
            await office.participants["delivery"].erase([received(command)])
        await office.dispatch([item for item in await office.collect() if isinstance(item.event, SubjectErased)])
        assert await office.privacy.cases.by_id(case.case_id) == case
        assert await office.database("privacy")["answers"].count_documents({}) == 0

    async def test_fact_for_a_case_that_is_not_there_is_passed_over(self, office: Office) -> None:
        await office.privacy.process.tell([(new_id(), ReceiptCame("delivery", 1, {"collections": {}}))], NOON)
        assert await office.database("privacy")["cases"].count_documents({}) == 0


class TestMany:
    async def test_two_hundred_cases_at_once(self, office: Office) -> None:
        waiting = await office.arrive(100, open_order=True)
        free = await office.arrive(100, open_order=False)
        await office.withdraw_many([*waiting, *free])
        await office.run()
        states = Counter([(await office.case_of(person)).state for person in (*waiting, *free)])
        assert states == {"deferred": 100, "closed": 100}
        await office.settle(*waiting)
        await office.run()
        for person in (*waiting[:3], *free[:3]):
            await certified(office, person)
        await gone(office, *waiting, *free)
        assert await office.database("privacy")["certificates"].count_documents({}) == 200
        assert len(office.mailbox.mails) == 200 * 2 + 100
        await office.privacy.ledger.verify()

    async def test_two_replicas_work_on_the_same_cases(self, an_office: Offices) -> None:
        office = await an_office(replicas=2, seed=7)
        people = [*await office.arrive(8, open_order=True), *await office.arrive(8, open_order=False)]
        one, other = office.replicas
        events = [withdrawn(person) for person in people]
        await asyncio.gather(
            one.withdrawals.on_consent_withdrawn(events), other.withdrawals.on_consent_withdrawn(events[::-1])
        )
        assert await office.database("privacy")["cases"].count_documents({}) == 16
        await office.run()
        await office.settle(*people)
        for _ in range(40):
            items = await office.collect()
            later = datetime.now(UTC) + timedelta(seconds=1)
            await asyncio.gather(
                *(
                    work
                    for replica in office.replicas
                    for work in (
                        self._handle_all(replica, items),
                        replica.watch.start_second_passes(later),
                        replica.sender.send_due(later),
                    )
                )
            )
            await office.dispatch([item for item in items if type(item.event) not in one.handlers])
        for person in people:
            await certified(office, person)
        await gone(office, *people)
        head = await one.ledger.verify()
        assert head == await other.ledger.head()
        rows = office.database("privacy")["ledger"].find({"what": "certificate_issued"})
        assert Counter([row["case_id"] async for row in rows]).most_common(1)[0][1] == 1

    @staticmethod
    async def _handle_all(replica: Any, items: list[Any]) -> None:
        """Both replicas get everything: more than a rebalance can do."""
        for kind in {type(item.event) for item in items} & set(replica.handlers):
            await replica.handlers[kind]([item for item in items if type(item.event) is kind])
