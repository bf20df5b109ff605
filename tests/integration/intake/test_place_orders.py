"""Each order exactly once, its person one subject, and nothing of either in clear; whatever comes at the same time."""

import asyncio
import itertools
import json

import bson
import pytest
from pymongo.errors import OperationFailure

from services.intake.order import KeyReused, Placed
from shared.contracts.consents import ConsentGiven
from shared.contracts.orders import OrderPlaced
from shared.sealing.opener import Sealed
from shared.stores.keyring_view import DATABASE, PEOPLE, SUBJECTS
from tests.builders import NOON, a_person, values_of
from tests.integration.intake.an_intake import Intake, only, somebody

pytestmark = pytest.mark.integration

_numbers = itertools.count(1)


def anybody():  # type: ignore[no-untyped-def]
    """Somebody no other test has."""
    return somebody(next(_numbers))


async def test_an_order_is_stored_with_its_consent_keys_and_events(intake: Intake) -> None:
    placed = await intake.place(person=anybody())
    order = await intake.document("orders", placed.order_id)
    consent = await intake.document("consents", order["consent_id"])
    keyring = await intake.administrator[DATABASE][SUBJECTS].find_one({"_id": placed.subject_id})
    (told,), (given,) = [await intake.published(placed.subject_id, kind) for kind in (OrderPlaced, ConsentGiven)]
    assert (order["status"], order["amount_kzt"], order["subject_id"]) == ("placed", 9_000, placed.subject_id)
    assert (told.event.order_id, told.event.consent_id) == (placed.order_id, consent["_id"])  # type: ignore[union-attr]
    assert given.event.consent_id == consent["_id"]  # type: ignore[union-attr]
    assert keyring is not None
    assert set(keyring["keys"]) == set(intake.policy.readers)
    assert keyring["fenced_at"] is None


async def test_intake_opens_its_own_envelope_for_its_purposes(intake: Intake) -> None:
    person = anybody()
    order = await intake.document("orders", (await intake.place(person=person)).order_id)
    sealed = Sealed(order["event_id"], order["event_type"], order["subject_id"], order["sealed"])
    fields = await intake.opener.open(sealed, purpose="3.2.1")
    assert fields == person.model_dump(mode="json", exclude_none=True)


async def test_the_same_request_under_one_key_has_the_same_answer(intake: Intake) -> None:
    person = anybody()
    first = await intake.place("key-1", person=person)
    assert await intake.place("key-1", person=person) == first
    assert await intake.outcome("key-1", person=person, language="en") == KeyReused()
    assert await intake.place("key-2", person=person) != first
    assert await intake.database["orders"].count_documents({"subject_id": first.subject_id}) == 2


async def test_a_request_repeated_while_it_runs_is_placed_once(intake: Intake, replica: Intake) -> None:
    person = anybody()
    placed = only(
        await asyncio.gather(
            *(service.groups.place(service.wanted("key-3", person=person)) for service in (intake, replica) * 8)
        )
    )
    assert len({item.order_id for item in placed}) == 1
    assert await intake.database["orders"].count_documents({"subject_id": placed[0].subject_id}) == 1


async def test_one_batch_may_hold_a_key_twice(intake: Intake) -> None:
    person = anybody()
    same, other = intake.wanted("key-4", person=person), intake.wanted("key-4", person=person, language="en")
    first, again, refused = await intake.placing.place([same, same, other], NOON)
    assert first == again
    assert refused == KeyReused()


async def test_a_person_is_one_subject_by_phone_or_e_mail(intake: Intake) -> None:
    person = anybody()
    first = await intake.place(person=person)
    by_phone = await intake.place(person=person, email=f"other.{person.email}", phone="8 " + person.phone[2:])
    by_email = await intake.place(person=person, phone=anybody().phone)
    assert first.subject_id == by_phone.subject_id == by_email.subject_id
    assert len({first.order_id, by_phone.order_id, by_email.order_id}) == 3
    assert (await intake.document("subjects", first.subject_id))["orders"] == 3


async def test_a_new_person_ordering_twenty_times_at_once_on_two_replicas_is_one_subject(
    intake: Intake, replica: Intake
) -> None:
    person = anybody()
    placed = only(
        await asyncio.gather(
            *(service.groups.place(service.wanted(person=person)) for service in (intake, replica) * 10)
        )
    )
    assert len({item.order_id for item in placed}) == 20
    (subject_id,) = {item.subject_id for item in placed}
    assert (await intake.document("subjects", subject_id))["orders"] == 20
    assert await intake.administrator[DATABASE][PEOPLE].count_documents({"subject_id": subject_id}) == 2


async def test_many_people_at_once_on_two_replicas_do_not_get_in_each_other_s_way(
    intake: Intake, replica: Intake
) -> None:
    people = [anybody() for _ in range(100)]
    placed = only(
        await asyncio.gather(
            *(service.groups.place(service.wanted(person=person)) for person in people for service in (intake, replica))
        )
    )
    assert len({item.subject_id for item in placed}) == 100
    assert [placed[n].subject_id == placed[n + 1].subject_id for n in range(0, 200, 2)] == [True] * 100


@pytest.mark.parametrize("begun", ["fence", "restrict", "erase", "destroy_keys"])
async def test_who_comes_back_after_a_withdrawal_is_somebody_new(intake: Intake, begun: str) -> None:
    person = anybody()
    before = await intake.place(person=person)
    await getattr(intake, begun)(before.subject_id)
    after, again = await intake.place(person=person), await intake.place(person=person)
    assert before.subject_id != after.subject_id == again.subject_id
    entries = intake.administrator[DATABASE][PEOPLE].find({"subject_id": after.subject_id})
    assert len([entry async for entry in entries]) == 2


async def test_what_fails_leaves_nothing(intake: Intake, monkeypatch: pytest.MonkeyPatch) -> None:
    person = anybody()
    wanted = intake.wanted(person=person)

    async def refuse(*_: object) -> list[object]:
        raise OperationFailure("no", 1)

    with monkeypatch.context() as patched:
        patched.setattr(intake.outbox, "append", refuse)
        with pytest.raises(OperationFailure):
            await intake.placing.place([wanted], NOON)
    assert await intake.administrator[DATABASE][PEOPLE].find_one({"_id": wanted.face.phone}) is None
    assert isinstance(await intake.outcome(person=person), Placed)


async def test_no_document_holds_a_value_in_clear_or_a_field_the_policy_does_not_describe(intake: Intake) -> None:
    person = a_person(phone="+77000009876", email="qupiya.jan@example.com")
    await intake.place("a key of the shop's", person=person, promotions=True)
    searched = [*values_of(person), "a key of the shop's", person.phone[2:]]
    spellings = [
        spelling
        for value in searched
        for spelling in (value.encode(), value.encode("utf-16-le"), json.dumps(value)[1:-1].encode())
    ]
    for where, document in await intake.everything():
        raw = bson.encode(document)
        assert not [spelling for spelling in spellings if spelling in raw], where
        database, _, collection = where.partition(".")
        described = intake.policy.store(database).collection(collection).fields
        assert set(document) <= set(described), where


async def test_answers_are_forgotten_after_the_policy_s_period(intake: Intake) -> None:
    indexes = await intake.database["idempotency_keys"].index_information()
    period = intake.policy.period("idempotency_key").as_timedelta()
    assert indexes["created_at_1"]["expireAfterSeconds"] == period.total_seconds()
