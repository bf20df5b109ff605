"""A request to be called back: stored once, sealed, opened by operators alone, and gone with its reason."""

import asyncio
import itertools

import bson
import pytest

from services.intake.call_backs.end_call_backs import CallBackGone
from shared.contracts.consents import ConsentWithdrawn
from shared.messaging.cloudevents import new_id
from shared.stores.keyring_view import DATABASE, SUBJECTS
from tests.builders import NOON, a_person, at
from tests.integration.intake.an_intake import Intake

pytestmark = pytest.mark.integration

AFTER_ITS_PERIOD = at(3 * 24 * 3600)
_numbers = itertools.count(1)


def a_phone() -> str:
    """One no other test has."""
    return f"+7700200{next(_numbers):04}"


async def subject_of(intake: Intake, call_back_id: str) -> str:
    return str((await intake.document("call_backs", call_back_id))["subject_id"])


async def is_there(intake: Intake, call_back_id: str) -> bool:
    return await intake.database["call_backs"].find_one({"_id": call_back_id}) is not None


async def test_a_request_is_stored_sealed_with_the_notice_that_was_read(intake: Intake) -> None:
    phone = a_phone()
    request = await intake.document("call_backs", await intake.ask_for_a_call(phone, given_name="Жаңылғанбек"))
    notice = intake.policy.notice("call_back").text_at(NOON.date(), "kk")
    keyring = await intake.administrator[DATABASE][SUBJECTS].find_one({"_id": request["subject_id"]})
    assert (request["notice_version"], request["notice_sha256"]) == (notice.version, notice.sha256)
    assert keyring is not None
    assert set(keyring["keys"]) == set(intake.policy.readers)
    for _, document in await intake.everything():
        raw = bson.encode(document)
        assert phone.encode() not in raw
        assert "Жаңылғанбек".encode() not in raw


async def test_operators_read_name_and_phone_and_the_opening_is_noted_once_a_day(intake: Intake) -> None:
    phone = a_phone()
    call_back_id = await intake.ask_for_a_call(phone)
    for _ in range(2):
        people, count = await intake.queue.waiting(NOON)
        (person,) = [person for person in people if person.call_back_id == call_back_id]
        assert (person.given_name, person.phone, person.language) == ("Ақбөпе", phone, "kk")
        assert count >= len(people)
    noted = intake.database["openings"].find({"subject_id": await subject_of(intake, call_back_id)})
    (opening,) = await noted.to_list(None)
    assert (opening["what"], opening["purpose"]) == ("call_back", "3.2.4")
    assert set(opening["fields"]) == {"given_name", "phone"}
    assert phone not in repr(people)
    await intake.queue.waiting(at(24 * 3600))
    assert await intake.database["openings"].count_documents({"subject_id": opening["subject_id"]}) == 2


async def test_the_queue_is_oldest_first(intake: Intake) -> None:
    later, earlier = [await intake.ask_for_a_call(a_phone(), now=at(seconds)) for seconds in (-1_000, -2_000)]
    people, _ = await intake.queue.waiting(NOON)
    ids = [person.call_back_id for person in people]
    assert ids.index(earlier) < ids.index(later)


@pytest.mark.parametrize("known", [False, True])
async def test_one_number_waits_once_whoever_asks_at_the_same_time(
    intake: Intake, replica: Intake, known: bool
) -> None:
    phone = a_phone()
    if known:
        await intake.place(person=a_person(phone=phone, email=f"p{phone[1:]}@example.kz"))
    ids = await asyncio.gather(*(service.ask_for_a_call(phone) for service in (intake, replica) * 4))
    assert len(set(ids)) == 1
    subject_id = await subject_of(intake, ids[0])
    assert await intake.database["call_backs"].count_documents({"subject_id": subject_id}) == 1
    assert await intake.database["subjects"].count_documents({"_id": subject_id}) == 1


async def test_who_ordered_is_known_again_by_phone_and_stays_known(intake: Intake) -> None:
    phone = a_phone()
    placed = await intake.place(person=a_person(phone=phone, email=f"p{phone[1:]}@example.kz"))
    call_back_id = await intake.ask_for_a_call(phone)
    assert await subject_of(intake, call_back_id) == placed.subject_id
    await intake.ending.called(call_back_id, NOON)
    assert not await is_there(intake, call_back_id)
    assert await intake.published(placed.subject_id, ConsentWithdrawn) == []
    assert "restricted_at" not in await intake.document("subjects", placed.subject_id)


async def test_who_was_called_and_never_ordered_is_left_to_the_erasure(intake: Intake) -> None:
    phone = a_phone()
    call_back_id = await intake.ask_for_a_call(phone)
    subject_id = await subject_of(intake, call_back_id)
    await intake.ending.called(call_back_id, NOON)
    (told,) = await intake.published(subject_id, ConsentWithdrawn)
    assert isinstance(told.event, ConsentWithdrawn)
    assert (told.event.scope, told.event.channel, told.event.received_at) == ("all", "expired", NOON)
    with pytest.raises(CallBackGone):
        await intake.ending.called(call_back_id, NOON)
    assert len(await intake.published(subject_id, ConsentWithdrawn)) == 1
    again = await intake.ask_for_a_call(phone)
    assert await subject_of(intake, again) != subject_id


async def test_a_number_its_person_gave_up_waits_for_whoever_has_it_now(intake: Intake) -> None:
    """Else the new owner would be known for a request that is somebody else's, and go with none of their own."""
    phone, new = a_phone(), a_phone()
    person = a_person(phone=phone, email=f"p{phone[1:]}@example.kz")
    placed = await intake.place(person=person)
    before = await intake.ask_for_a_call(phone)
    await intake.correct(intake.signed_in(placed.subject_id, person), "phone", new)
    after = await intake.ask_for_a_call(phone)
    owner = await subject_of(intake, after)
    assert (after != before, owner != placed.subject_id) == (True, True)
    await intake.ending.called(after, NOON)
    assert len(await intake.published(owner, ConsentWithdrawn)) == 1


async def test_who_has_another_request_waiting_is_not_left_to_the_erasure(intake: Intake) -> None:
    """Nobody has two now: who never ordered is known by one number, and one number waits once."""
    call_back_id, other_id = await intake.ask_for_a_call(a_phone()), new_id()
    request = await intake.document("call_backs", call_back_id)
    await intake.database["call_backs"].insert_one({**request, "_id": other_id})
    await intake.ending.called(call_back_id, NOON)
    assert await intake.published(request["subject_id"], ConsentWithdrawn) == []
    await intake.ending.called(other_id, NOON)
    assert len(await intake.published(request["subject_id"], ConsentWithdrawn)) == 1


async def test_a_request_past_its_period_goes_by_itself(intake: Intake, replica: Intake) -> None:
    old, young = await intake.ask_for_a_call(a_phone()), await intake.ask_for_a_call(a_phone(), now=at(60))
    theirs = await subject_of(intake, old)
    await asyncio.gather(intake.ending.expire(AFTER_ITS_PERIOD), replica.ending.expire(AFTER_ITS_PERIOD))
    assert not await is_there(intake, old)
    assert await is_there(intake, young)
    assert len(await intake.published(theirs, ConsentWithdrawn)) == 1


async def test_an_order_placed_while_a_request_expires_is_somebody_known_or_somebody_new(
    intake: Intake, replica: Intake
) -> None:
    """Whichever comes first: nobody's order is left with a subject that is being erased unasked."""
    for _ in range(4):
        phone = a_phone()
        old = await intake.ask_for_a_call(phone)
        before = await subject_of(intake, old)
        person = a_person(phone=phone, email=f"p{phone[1:]}@example.kz")
        placed, _ = await asyncio.gather(replica.place(person=person), intake.ending.expire(AFTER_ITS_PERIOD))
        leaving = bool(await intake.published(before, ConsentWithdrawn))
        assert leaving == (placed.subject_id != before)


async def test_erasing_a_person_erases_the_request(intake: Intake) -> None:
    call_back_id = await intake.ask_for_a_call(a_phone())
    subject_id = await subject_of(intake, call_back_id)
    await intake.restrict(subject_id)
    people, _ = await intake.queue.waiting(NOON)
    assert call_back_id not in {person.call_back_id for person in people}
    with pytest.raises(CallBackGone):
        await intake.ending.called(call_back_id, NOON)
    assert not await intake.call_backs.not_reached(call_back_id, 0, NOON)
    assert (await intake.document("call_backs", call_back_id))["unreached"] == 0
    await intake.ending.expire(AFTER_ITS_PERIOD)
    assert await is_there(intake, call_back_id), "a restricted record is not destroyed before its erasure (art. 1(3))"
    await intake.erase(subject_id)
    assert not await is_there(intake, call_back_id)


async def test_whose_keys_are_gone_is_left_out_though_the_queue_was_just_looked_at(intake: Intake) -> None:
    """No key from a cache opens them any more."""
    call_back_id = await intake.ask_for_a_call(a_phone())
    for gone in (False, True):
        if gone:
            await intake.destroy_keys(await subject_of(intake, call_back_id))
        people, _ = await intake.queue.waiting(NOON)
        assert (call_back_id in {person.call_back_id for person in people}) is not gone


async def test_nobody_answering_is_counted_once_for_one_look(intake: Intake) -> None:
    call_back_id = await intake.ask_for_a_call(a_phone())
    assert await intake.call_backs.not_reached(call_back_id, 0, NOON)
    assert await intake.call_backs.not_reached(call_back_id, 0, NOON)
    assert (await intake.document("call_backs", call_back_id))["unreached"] == 1
    await intake.ending.called(call_back_id, NOON)
    assert not await intake.call_backs.not_reached(call_back_id, 1, NOON)


async def test_what_is_stored_is_what_the_policy_describes(intake: Intake) -> None:
    call_back_id = await intake.ask_for_a_call(a_phone())
    await intake.call_backs.not_reached(call_back_id, 0, NOON)
    described = set(intake.policy.store("intake").collection("call_backs").fields)
    document = await intake.document("call_backs", call_back_id)
    assert set(document) == described - {"restricted_at"}
    subject = await intake.document("subjects", document["subject_id"])
    assert set(subject) <= set(intake.policy.store("intake").collection("subjects").fields)
