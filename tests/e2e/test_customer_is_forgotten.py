"""A customer orders, gets the parcel, withdraws consent by phone, and is forgotten: in each of the three languages."""

import asyncio
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from deploy.demo.patient import Refused
from deploy.demo.who_can_open import attempt
from shared.contracts.orders import OrderPlaced
from shared.contracts.personal import PersonalData
from shared.messaging.cloudevents import Received
from shared.sealing.people_index import PeopleIndex
from shared.stores.mongo import connect
from tests.e2e.world import Order, World, somebody

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

LANGUAGES = ("kk", "ru", "en")
CONFIRMED = {"kk": "Тапсырысыңыз қабылданды", "ru": "Ваш заказ принят", "en": "Your order is confirmed"}
ON_ITS_WAY = {"kk": "Сәлемдемеңіз жолда", "ru": "Ваша посылка в пути", "en": "Your parcel is on its way"}
DELIVERED = {"kk": "Тапсырысыңыз жеткізілді", "ru": "Ваш заказ доставлен", "en": "Your order has been delivered"}
RECEIVED = {
    "kk": "Келісімді кері қайтарып алу туралы өтінішіңіз қабылданды",
    "ru": "Ваше заявление об отзыве согласия получено",
    "en": "We have received your withdrawal of consent",
}
DONE = {
    "kk": "Дербес деректеріңіз жойылды",
    "ru": "Ваши персональные данные удалены",
    "en": "Your personal data has been erased",
}
READERS = ("delivery", "notifications")
# What erasure keeps: proof, without anything that leads to the person.
KEPT = {
    "intake.consents",
    "delivery.disclosures",
    "privacy.cases",
    "privacy.letters",
    "privacy.disclosures",
    "keyring.subjects",
}


@dataclass(slots=True)
class Story:
    person: PersonalData
    order: Order
    event: Received[OrderPlaced]
    opened_before: dict[str, tuple[str, ...]]
    records_before: dict[str, int]
    case: dict[str, Any]


async def opened(world: World, event: Received[OrderPlaced]) -> dict[str, tuple[str, ...]]:
    """Reader → fields it can open of that event, with its own login and keys."""
    fields = {}
    for reader in READERS:
        client = connect(world.stack.mongodb_uri(reader), service="test")
        try:
            tried = await attempt(reader, reader, event, client, world.stack.layout.keys / reader, world.policy)
        finally:
            client.close()
        fields[reader] = tried.fields
    return fields


async def until_forgotten(world: World, language: str, number: int) -> Story:
    person = somebody(f"forgotten-{language}", number, language=language)
    order = await world.parcel_of(await world.place(person))
    await world.operate(order, "hand-over")
    await world.operate(order, "deliver")
    await world.messages_of(order, lambda found: [m["state"] for m in found] == ["sent"] * 5)
    event = await world.placed_event(order)
    before = await opened(world, event), await world.records_of(order.subject_id)
    case = await world.case(await world.withdraw(phone=person.phone))
    return Story(person, order, event, *before, case)


@pytest.fixture(scope="module")
async def stories(world: World) -> dict[str, Story]:
    told = await asyncio.gather(*(until_forgotten(world, language, n) for n, language in enumerate(LANGUAGES)))
    return dict(zip(LANGUAGES, told, strict=True))


@pytest.fixture(params=LANGUAGES)
def story(request: pytest.FixtureRequest, stories: dict[str, Story]) -> Story:
    return stories[request.param]


def test_each_mail_arrived_once_and_in_the_persons_language(world: World, story: Story) -> None:
    language = str(story.person.language)
    first, *shipment, received, done = world.subjects_to(story.person)
    assert (first, received, done) == (CONFIRMED[language], RECEIVED[language], DONE[language])
    assert sorted(shipment) == sorted([ON_ITS_WAY[language], DELIVERED[language]])


async def test_certificate_holds_for_a_stranger_with_the_public_keys(
    world: World, story: Story, tmp_path: Path
) -> None:
    certificate = await world.certificate(story.case["case_id"])
    assert world.wrong_with(certificate, tmp_path) == []
    assert set(certificate["recipients"]) == set(certificate["disclosures"]) != set()
    assert all(key["destroyed_at"] for key in certificate["keys"].values())


async def test_certificate_with_one_count_changed_does_not_hold(world: World, story: Story, tmp_path: Path) -> None:
    text = json.dumps(await world.certificate(story.case["case_id"]))
    forged = text.replace('"destroyed": 1', '"destroyed": 2', 1)
    assert forged != text
    assert world.wrong_with(json.loads(forged), tmp_path)


async def test_documents_are_gone_and_only_proof_is_kept(world: World, story: Story) -> None:
    assert {"intake.orders", "delivery.shipments", "notifications.recipients", "keyring.people"} <= set(
        story.records_before
    )
    assert set(await world.records_of(story.order.subject_id)) == KEPT
    assert await world.personal_paths_of(story.order.subject_id) == []


async def test_keyring_has_no_key_and_nothing_opens(world: World, story: Story) -> None:
    document = await world.keyring_document(story.order.subject_id)
    assert document["keys"] == {}
    assert document["fenced_at"] is not None
    assert all(story.opened_before.values())
    assert await opened(world, story.event) == {"delivery": (), "notifications": ()}


async def test_partner_has_forgotten_too(world: World, story: Story) -> None:
    (waybill,) = world.waybills_of(story.order)
    assert waybill["fields"] == {}
    assert {answer["answer"] for answer in story.case["recipients"]["answers"].values()} == {"forgotten"}


async def test_nobody_is_found_any_more(world: World, stories: dict[str, Story]) -> None:
    story = stories["kk"]
    for find in ({"phone": story.person.phone}, {"email": story.person.email}, {"order_id": story.order.order_id}):
        with pytest.raises(Refused) as refusal:
            await world.withdraw(**find)
        assert refusal.value.status == 404


async def test_the_person_may_come_back_as_somebody_new(world: World, stories: dict[str, Story]) -> None:
    story = stories["ru"]
    order = await world.parcel_of(await world.place(story.person))
    assert order.subject_id != story.order.subject_id
    again = await world.place(story.person)
    assert again.subject_id == order.subject_id
    await world.messages_of(again, lambda found: [m["state"] for m in found] == ["sent"])
    assert await opened(world, await world.placed_event(order)) == story.opened_before
    handed_over = await world.operate(order, "hand-over")
    assert set(handed_over["disclosed_fields"]) == set(story.opened_before["delivery"])
    people = PeopleIndex.from_folder(world.stack.layout.keys / "privacy")
    entry = await world.admin["keyring"]["people"].find_one({"_id": people.entry("phone", str(story.person.phone))})
    assert entry is not None
    assert entry["subject_id"] == order.subject_id
    assert await opened(world, story.event) == {"delivery": (), "notifications": ()}
    assert (await world.keyring_document(story.order.subject_id))["keys"] == {}
