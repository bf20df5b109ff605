"""What a restore of MongoDB undoes, the privacy service does again at its start; what the topic lost, it appends."""

from typing import Any

import pytest

from services.privacy.keyring_keeper import KeyringKeeper
from services.privacy.reopen_cases import CaseReopening
from services.privacy.suppression_entry import suppression_of
from shared.contracts.suppressions import SubjectSuppressed
from shared.erasure.suppression import furthest
from shared.messaging.cloudevents import new_id
from shared.stores.keyring_view import DATABASE, PEOPLE, SUBJECTS
from tests.integration.privacy.an_office import POLICY, Office, Person, withdrawn_on_the_pages

pytestmark = pytest.mark.integration

ALL = set(POLICY.readers)


async def start(office: Office, *, topic: list[SubjectSuppressed] | None = None) -> None:
    """As the service does it, with the topic as it stands."""
    replica = office.privacy
    keeper = KeyringKeeper(office.client)
    entries: Any = office.suppressions
    reopening = CaseReopening(office.client, replica.process, replica.cases, keeper, entries, 15)
    for entry in list(office.suppressions.entries if topic is None else topic):
        await reopening.take(furthest([entry]))
    await reopening.reopen()


async def backup(office: Office, person: Person) -> dict[str, Any]:
    keyring = office.client[DATABASE]
    return {
        "keys": await office.keyring_of(person),
        "people": await keyring[PEOPLE].find({"subject_id": person.subject_id}).to_list(None),
        "cases": await office.database("privacy")["cases"].find().to_list(None),
    }


async def restore(office: Office, saved: dict[str, Any]) -> None:
    keyring, cases = office.client[DATABASE], office.database("privacy")["cases"]
    await keyring[SUBJECTS].replace_one({"_id": saved["keys"]["_id"]}, saved["keys"])
    await keyring[PEOPLE].delete_many({"subject_id": saved["keys"]["_id"]})
    await keyring[PEOPLE].insert_many(saved["people"])
    await cases.delete_many({})
    if saved["cases"]:
        await cases.insert_many(saved["cases"])


async def keys(office: Office, person: Person) -> set[str]:
    return set((await office.keyring_of(person))["keys"])


async def test_entry_is_acknowledged_before_a_key_is_destroyed(office: Office) -> None:
    (person,) = await office.arrive(1, open_order=False)
    await office.withdraw(person)
    office.suppressions.away = True
    with pytest.raises(TimeoutError):
        await office.run()
    assert await keys(office, person) == ALL
    assert (await office.case_of(person)).keys_destroyed == {}
    assert office.suppressions.entries == []


async def test_topic_tells_of_each_step_in_its_order(office: Office) -> None:
    (person,) = await office.arrive(1, open_order=True)
    case = await office.withdraw(person)
    row = await office.database("privacy")["outbox"].find_one({"topic": "suppressions"})
    assert row is not None
    accepted = SubjectSuppressed.model_validate_json(row["value"])
    assert (accepted, accepted.keys_destroyed) == (suppression_of(case), ())
    await office.run()
    (deferred,) = office.suppressions.entries
    assert (set(deferred.keys_destroyed), deferred.open_orders) == ({"intake", "notifications"}, (person.order_id,))
    await office.settle(person)
    await office.run(letters=False)
    erased = office.suppressions.entries[-1]
    assert (set(erased.keys_destroyed), erased.open_orders) == (ALL - {"privacy"}, ())
    assert erased.settled_orders == {person.order_id: "delivered"}


async def test_lost_case_is_opened_again_and_its_keys_are_gone_at_once(office: Office) -> None:
    (person,) = await office.arrive(1, open_order=False)
    saved = await backup(office, person)
    await office.withdraw(person)
    first = await office.case_of(person)
    await office.run(letters=False)
    assert await keys(office, person) == {"privacy"}
    await restore(office, saved)
    await start(office)
    assert await keys(office, person) == {"privacy"}
    assert await office.client[DATABASE][PEOPLE].count_documents({"subject_id": person.subject_id}) == 0
    again = await office.case_of(person)
    assert again.case_id != first.case_id
    assert (again.channel, again.received_at, again.deadline) == (first.channel, first.received_at, first.deadline)
    assert (again.timeline[0].what, again.timeline[0].detail) == ("case_lost", {"lost_case": first.case_id})
    assert (await office.keyring_of(person))["case_id"] == first.case_id
    assert (await office.privacy.ledger.verify()).sequence > 0


async def test_withdrawal_that_was_only_accepted_is_the_same_case_again(office: Office) -> None:
    (person,) = await office.arrive(1, open_order=False)
    saved = await backup(office, person)
    case = await office.withdraw(person)
    await restore(office, saved)
    await start(office, topic=[suppression_of(case)])
    assert (await office.case_of(person)).case_id == case.case_id
    assert await keys(office, person) == ALL
    assert (await office.keyring_of(person))["fenced_at"] is not None


async def test_case_set_back_learns_what_settled_its_order(office: Office) -> None:
    (person,) = await office.arrive(1, open_order=True)
    case = await office.withdraw(person)
    await office.run()
    saved = await backup(office, person)
    saved["people"] = [{"_id": new_id(), "subject_id": person.subject_id}]
    await office.settle(person)
    await office.run(letters=False)
    await restore(office, saved)
    assert (await office.case_of(person)).state == "deferred"
    await start(office)
    assert await keys(office, person) == {"privacy"}  # the topic knows of no closing
    after = await office.case_of(person)
    assert (after.case_id, after.state, after.open_orders) == (case.case_id, "erasing", ())
    assert after.deferrals[0].settled_by == "delivered"


async def test_case_cut_off_at_its_closing_still_tells_the_truth_of_its_letter(office: Office) -> None:
    """Kafka knew of the last key, and MongoDB did not: the letter had gone, and goes again as the same letter."""
    (person,) = await office.arrive(1, open_order=False)
    await office.withdraw(person)
    await office.run(letters=False)
    case = await office.case_of(person)
    assert case.state == "closing"
    last = suppression_of(case).model_copy(update={"keys_destroyed": POLICY.erasing_stores})
    await start(office, topic=[*office.suppressions.entries, last])
    assert await keys(office, person) == {"privacy"}
    await office.run()
    closed = await office.case_of(person)
    assert (closed.state, closed.letters["done"], await keys(office, person)) == ("closed", "sent", set())


async def test_topic_that_lost_its_entries_gets_them_again(office: Office) -> None:
    people = await office.arrive(3, open_order=False)
    for person in people[:2]:
        await office.withdraw(person)
    await office.run(letters=False)
    known = [suppression_of(await office.case_of(person)) for person in people[:2]]
    office.suppressions.entries = known[:1]
    await start(office)
    assert office.suppressions.entries == known
    await start(office)
    assert office.suppressions.entries == known


async def test_nothing_is_done_twice_nor_to_anybody_else(office: Office) -> None:
    people = await office.arrive(2, open_order=False)
    await office.withdraw(people[0])
    await office.run(letters=False)
    before = await office.everything(), [await office.keyring_of(person) for person in people]
    await start(office)
    assert (await office.everything(), [await office.keyring_of(person) for person in people]) == before


async def test_whoever_follows_a_case_that_was_lost_follows_the_one_opened_again(office: Office) -> None:
    (person,) = await office.arrive(1, open_order=False)
    saved = await backup(office, person)
    asked = withdrawn_on_the_pages(person)
    await office.dispatch([asked])
    await office.run()
    await restore(office, saved)
    await start(office)
    await office.run()
    told = {event.case_id: event.state for event in office.told_of(asked.event_id)}
    assert told == {asked.event_id: "closed", (await office.case_of(person)).case_id: "closed"}
    assert len(told) == 2
