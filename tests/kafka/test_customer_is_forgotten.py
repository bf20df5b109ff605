"""The whole way on Apache Kafka: ordered, delivered, withdrawn, forgotten, certified."""

from pathlib import Path

from deploy.demo.topics import everything
from tests.e2e.world import World, somebody


async def test_order_is_delivered_and_its_person_forgotten(world: World, tmp_path: Path) -> None:
    person = somebody("kafka", 900)
    order = await world.parcel_of(await world.place(person))
    await world.operate(order, "hand-over")
    await world.operate(order, "deliver")
    await world.messages_of(order, lambda found: [m["state"] for m in found] == ["sent"] * 5)
    case_id = await world.withdraw(phone=person.phone)
    await world.case(case_id)
    assert world.wrong_with(await world.certificate(case_id), tmp_path) == []
    assert (await world.keyring_document(order.subject_id))["keys"] == {}
    assert await world.personal_paths_of(order.subject_id) == []
    letters = await everything(world.stack.info.kafka.address, [t for t in world.policy.topics if "dead-letters" in t])
    assert [letter for letter in letters if letter.key == order.subject_id.encode()] == []
