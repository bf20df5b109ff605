"""A person switches promotions on the pages: each switch is a consent or its withdrawal, and the last one counts."""

from dataclasses import replace
from datetime import datetime

import pytest

from services.intake.my_data.choose_promotions import ChoosePromotions
from shared.contracts.consents import ConsentGiven, ConsentWithdrawn
from shared.contracts.erasure import RestrictSubject
from shared.messaging.cloudevents import new_id
from tests.builders import NOON, at, received
from tests.integration.intake.an_intake import Intake, somebody

pytestmark = pytest.mark.integration


def choosing(intake: Intake) -> ChoosePromotions:
    return ChoosePromotions(intake.client, intake.subjects, intake.consents, intake.outbox, intake.policy)


async def stop_promotions(intake: Intake, subject_id: str, asked: datetime) -> None:
    """The case of a withdrawal reaches intake, late or not."""
    command = RestrictSubject(subject_id=subject_id, case_id=new_id(), store="intake", scope="promotions")
    await intake.participant.restrict([replace(received(command, source="privacy"), time=asked)])


async def test_switching_on_is_a_consent_of_its_own_to_the_policy_in_force(intake: Intake) -> None:
    subject_id = (await intake.place(person=somebody(7101))).subject_id
    await choosing(intake).switch_on(subject_id, "ru", at(5))
    assert await intake.subjects.promotions_of(subject_id)
    newest, _ = await intake.consents.of(subject_id)
    assert (newest.promotions, newest.language, newest.channel, newest.given_at) == (True, "ru", "web", at(5))
    given = (await intake.published(subject_id, ConsentGiven))[-1].event
    assert isinstance(given, ConsentGiven)
    version = intake.policy.version_at(at(5).date())
    assert (given.consent_id, given.policy_version) == (newest.consent_id, version.version)
    assert (given.text_sha256, given.promotions) == (version.text_sha256("ru"), True)


async def test_switching_off_withdraws_promotions_alone_and_is_noted_on_the_consents(intake: Intake) -> None:
    subject_id = (await intake.place(person=somebody(7102), promotions=True)).subject_id
    await choosing(intake).switch_off(subject_id, at(5))
    assert not await intake.subjects.promotions_of(subject_id)
    (consent,) = await intake.consents.of(subject_id)
    assert (consent.withdrawn_scope, consent.withdrawn_at) == ("promotions", at(5))
    (withdrawn,) = await intake.published(subject_id, ConsentWithdrawn)
    event = withdrawn.event
    assert isinstance(event, ConsentWithdrawn)
    assert (event.scope, event.channel, event.received_at, withdrawn.time) == ("promotions", "web", at(5), NOON)


async def test_switched_off_and_on_again_it_stays_on_when_the_case_s_command_comes_late(intake: Intake) -> None:
    subject_id = (await intake.place(person=somebody(7103), promotions=True)).subject_id
    await choosing(intake).switch_off(subject_id, at(5))
    await choosing(intake).switch_on(subject_id, "kk", at(10))
    for _ in range(2):
        await stop_promotions(intake, subject_id, at(5))
    assert await intake.subjects.promotions_of(subject_id)
    newest, _ = await intake.consents.of(subject_id)
    assert newest.withdrawn_at is None
    await choosing(intake).switch_off(subject_id, at(15))
    await stop_promotions(intake, subject_id, at(5))  # the first command, once more
    assert not await intake.subjects.promotions_of(subject_id)


async def test_whose_data_are_stopped_switches_nothing(intake: Intake) -> None:
    subject_id = (await intake.place(person=somebody(7104))).subject_id
    await intake.restrict(subject_id)
    before = len(await intake.consents.of(subject_id))
    await choosing(intake).switch_on(subject_id, "kk", at(5))
    await choosing(intake).switch_off(subject_id, at(6))
    assert not await intake.subjects.promotions_of(subject_id)
    assert len(await intake.consents.of(subject_id)) == before
    assert await intake.published(subject_id, ConsentWithdrawn) == []
