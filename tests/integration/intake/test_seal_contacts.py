"""The privacy service gets a contact only with the answer to its command, and only what the policy grants it."""

import pytest

from services.intake.seal_contacts import ContactSealing
from shared.contracts.erasure import RestrictSubject, SubjectRestricted
from shared.erasure.participant import ContactWanted
from shared.messaging.cloudevents import new_id
from shared.sealing.kek_files import KekFiles
from shared.sealing.keyring import KeyringReader
from shared.sealing.opener import Opener, Sealed
from shared.sealing.wrapping import KeyUnwrapper
from shared.stores.keyring_view import MongoKeyringView
from shared.stores.mongo import connect
from tests.builders import NOON, received
from tests.integration.intake.an_intake import Intake, only, somebody
from tests.unit.policy.a_policy import Rows, a_policy

pytestmark = pytest.mark.integration


def privacy(intake: Intake) -> Opener:
    """The privacy service's own way to open, with its own user and key."""
    client = connect(intake.stack.mongodb_uri("privacy"), service="test")
    unwrapper = KeyUnwrapper(KekFiles(intake.stack.layout.keys / "privacy", "privacy"), "privacy", 60)
    keyring = KeyringReader(MongoKeyringView(client, "privacy"), unwrapper, max_age_seconds=60)
    return Opener("privacy", intake.policy, keyring)


async def answers(intake: Intake, subject_id: str) -> list[Sealed]:
    published = await intake.published(subject_id, SubjectRestricted)
    return [
        Sealed(item.event_id, item.event.type_name(), subject_id, item.event.sealed["privacy"])  # type: ignore[union-attr]
        for item in published
        if item.event.sealed  # type: ignore[union-attr]
    ]


async def test_the_contact_is_the_newest_order_s(intake: Intake) -> None:
    old, new = somebody(2_000), somebody(2_000).model_copy(update={"email": "a.newer@example.kz", "language": "ru"})
    subject_id = (await intake.place(person=old)).subject_id
    (placed,) = only(await intake.groups.place_all([intake.wanted(person=new)]))  # now, and so later than noon
    assert placed.subject_id == subject_id
    await intake.restrict(subject_id)
    (sealed,) = await answers(intake, subject_id)
    contact = await privacy(intake).open(sealed, purpose="3.2.6")
    granted = intake.policy.fields_for("privacy")
    assert contact == {name: value for name, value in new.model_dump(mode="json").items() if name in granted}


async def test_hundreds_are_answered_at_once_each_with_its_own(intake: Intake) -> None:
    people = [somebody(number) for number in range(2_100, 2_400)]
    placed = only(await intake.placing.place([intake.wanted(person=person) for person in people], NOON))
    await intake.restrict(*(item.subject_id for item in placed))
    opener = privacy(intake)
    for person, item in list(zip(people, placed, strict=True))[::50]:
        (sealed,) = await answers(intake, item.subject_id)
        assert (await opener.open(sealed, purpose="3.2.6"))["email"] == person.email


async def test_two_cases_of_one_person_in_a_batch_each_have_an_envelope_that_opens(intake: Intake) -> None:
    subject_id = (await intake.place(person=somebody(2_001))).subject_id
    await intake.restrict(subject_id, subject_id)
    sealed = await answers(intake, subject_id)
    assert len(sealed) == 2
    for item in sealed:
        assert await privacy(intake).open(item, purpose="3.2.6")


async def test_a_command_that_comes_twice_is_answered_once_a_batch(intake: Intake) -> None:
    subject_id = (await intake.place(person=somebody(2_002))).subject_id
    command = RestrictSubject(subject_id=subject_id, case_id=new_id(), store="intake", scope="all")
    await intake.participant.restrict([received(command), received(command)])
    assert len(await intake.published(subject_id, SubjectRestricted)) == 1


async def test_who_was_erased_or_was_never_here_is_answered_without_a_contact(intake: Intake) -> None:
    erased, keyless, stranger = (
        (await intake.place(person=somebody(2_003))).subject_id,
        (await intake.place(person=somebody(2_004))).subject_id,
        new_id(),
    )
    await intake.erase(erased)
    await intake.destroy_keys(keyless)
    await intake.restrict(erased, keyless, stranger)
    for subject_id in (erased, keyless, stranger):
        assert len(await intake.published(subject_id, SubjectRestricted)) == 1
        assert await answers(intake, subject_id) == []


async def test_a_purpose_no_longer_granted_stops_nobody_from_being_restricted(intake: Intake) -> None:
    def not_for_letters(rows: Rows) -> None:
        for field in rows["fields"].values():
            field["grants"].pop("intake", None)

    subject_id = (await intake.place(person=somebody(2_005))).subject_id
    opener = Opener("intake", a_policy(not_for_letters), intake.keyring)
    contacts = ContactSealing(intake.orders, intake.openings, intake.keyring, opener, intake.unwrapper, intake.policy)
    assert await contacts.contacts([ContactWanted(subject_id, new_id(), SubjectRestricted.type_name(), new_id())]) == {}
