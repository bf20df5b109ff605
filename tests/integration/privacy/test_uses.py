"""A person can see which letters about their own request went to them."""

import pytest

from shared.contracts.inspections import Use
from shared.stores.mongo import in_transaction
from tests.integration.privacy.an_office import Office, Person

pytestmark = pytest.mark.integration


async def uses_of(office: Office, person: Person) -> list[Use]:
    letters = office.privacy.letters
    return await in_transaction(office.client, lambda session: letters.uses(person.subject_id, 200, session))


async def test_letters_that_were_sent_are_shown(office: Office) -> None:
    person, other = await office.arrive(2, open_order=False)
    await office.withdraw(person)
    await office.run(letters=False)
    assert await uses_of(office, person) == [], "due is not sent"
    await office.run()
    uses = await uses_of(office, person)
    assert {(use.what, use.channel, use.purpose) for use in uses} == {
        ("letter_received", "email", "3.2.6"),
        ("letter_done", "email", "3.2.6"),
    }
    assert [use.at for use in uses] == sorted((use.at for use in uses), reverse=True)
    assert await uses_of(office, other) == []
