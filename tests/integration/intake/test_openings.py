"""Who opened what of a person in intake is kept by names of fields, shown to the person, and goes with the person."""

from datetime import timedelta

import pytest

from services.intake.opening_store import COLLECTION, Opening
from shared.contracts.erasure import RestrictSubject
from shared.contracts.inspections import Use
from shared.messaging.cloudevents import new_id
from shared.policy.check import unknown_fields
from shared.stores.mongo import in_transaction
from tests.builders import NOON, received, values_of
from tests.integration.intake.an_intake import Intake, somebody

pytestmark = pytest.mark.integration


async def uses_of(intake: Intake, subject_id: str, most: int = 200) -> list[Use]:
    return await in_transaction(intake.client, lambda session: intake.openings.uses(subject_id, most, session))


async def test_sealing_a_contact_is_shown_once_a_case_however_often_its_command_comes(intake: Intake) -> None:
    person = somebody(2_500)
    subject_id = (await intake.place(person=person)).subject_id
    case = {"subject_id": subject_id, "store": "intake", "scope": "promotions"}
    command = RestrictSubject.model_validate({**case, "case_id": new_id()})
    for _ in range(2):
        await intake.participant.restrict([received(command, source="privacy")])
    (use,) = await uses_of(intake, subject_id)
    assert (use.reader, use.what, use.purpose) == ("intake", "contact_for_letters", "3.2.6")
    assert set(use.fields) == {"given_name", "phone", "email", "language"}
    await intake.restrict(subject_id, scope="promotions")
    assert len(await uses_of(intake, subject_id)) == 2, "another case is another opening"
    kept = await intake.database[COLLECTION].find({"subject_id": subject_id}).to_list(None)
    assert not any(value in str(kept) for value in values_of(person))
    assert not [name for row in kept for name in unknown_fields(intake.policy, "intake", COLLECTION, row)]


async def test_newest_first_and_no_more_than_asked_for(intake: Intake) -> None:
    subject_id, order_id = new_id(), new_id()
    for minutes in range(3):
        opening = Opening(subject_id, "my_data", "3.2.4", ("phone",), order_id if minutes else None)
        await intake.openings.note([opening], NOON + timedelta(minutes=minutes))
    uses = await uses_of(intake, subject_id, 2)
    assert [(use.at, use.order_id) for use in uses] == [
        (NOON + timedelta(minutes=2), order_id),
        (NOON + timedelta(minutes=1), order_id),
    ]


async def test_it_goes_with_the_person_and_by_itself(intake: Intake) -> None:
    subject_id = (await intake.place(person=somebody(2_501))).subject_id
    await intake.restrict(subject_id)
    assert await uses_of(intake, subject_id)
    await intake.erase(subject_id)
    assert await uses_of(intake, subject_id) == []
    await intake.openings.ensure_indexes()
    indexes = (await intake.database[COLLECTION].index_information()).values()
    kept = intake.policy.period("opening_log").as_timedelta().total_seconds()
    assert [index["expireAfterSeconds"] for index in indexes if "expireAfterSeconds" in index] == [kept]
