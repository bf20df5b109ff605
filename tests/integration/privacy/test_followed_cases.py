"""Whoever withdrew on the pages is told how far their case is, through the whole process and real stores."""

import pytest

from shared.contracts.cases import CaseMoved
from tests.integration.privacy.an_office import Office, withdrawn_on_the_pages

pytestmark = pytest.mark.integration


async def test_whoever_withdrew_on_the_pages_is_told_of_every_state_up_to_the_last(office: Office) -> None:
    [person] = await office.arrive(1, open_order=True)
    asked = withdrawn_on_the_pages(person)
    await office.dispatch([asked])
    await office.run()
    await office.settle(person)
    await office.run()
    told = sorted(office.told_of(asked.event_id), key=lambda event: event.step)
    assert [(event.state, event.open_orders) for event in told] == [
        ("restricting", 0),
        ("erasing", 1),
        ("deferred", 1),
        ("erasing", 0),
        ("second_pass_due", 0),
        ("verifying", 0),
        ("closing", 0),
        ("closed", 0),
    ]
    assert {event.case_id for event in told} == {asked.event_id, (await office.case_of(person)).case_id}


async def test_they_follow_the_case_that_the_officer_had_opened_already(office: Office) -> None:
    [person] = await office.arrive(1, open_order=False)
    opened = await office.withdraw(person)
    asked = withdrawn_on_the_pages(person)
    await office.dispatch([asked, asked])
    await office.run()
    told = office.told_of(asked.event_id)
    assert {event.case_id for event in told} == {opened.case_id}
    assert told[-1].state == "closed"
    assert await office.database("privacy")["cases"].count_documents({}) == 1


async def test_nobody_else_is_told(office: Office) -> None:
    people = await office.arrive(2, open_order=False)
    await office.withdraw(people[0])
    await office.withdraw_many(people[1:])
    await office.run()
    assert not [item for item in office.posted if isinstance(item.event, CaseMoved)]
