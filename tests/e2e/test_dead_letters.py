"""An administrator at the command line: what was put aside, why, and back it goes once its cause is mended."""

import asyncio
import json
from dataclasses import dataclass, field
from typing import Any

import pytest

from deploy.dead_letters import show
from deploy.dead_letters.letters import letters_in
from deploy.demo.replay import send_again
from deploy.demo.scan import Needles
from deploy.demo.topics import everything
from shared.contracts.personal import PersonalData
from tests.builders import a_record
from tests.e2e.officer import Done, sealed
from tests.e2e.world import Order, World, somebody
from tests.integration.services.clients import until

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

READERS = ("delivery", "notifications", "privacy")


@dataclass(slots=True)
class Desk:
    """Keeps everything a command ever printed. `cache_seconds`: how long services still know a key."""

    world: World
    person: PersonalData
    order: Order
    printed: list[str] = field(default_factory=list)
    cache_seconds: float = 2.0

    async def run(self, *arguments: str) -> Done:
        done = await sealed(self.world.stack.layout.var, "dead-letters", *arguments)
        self.printed += [done.out, done.err]
        return done

    async def mine(self) -> list[dict[str, Any]]:
        """Letters of this person's events, as facts."""
        topics = [name for name in self.world.policy.topics if name.startswith("dead-letters-")]
        records = await everything(self.world.stack.info.kafka.address, topics)
        letters = [show.facts(letter) for letter in letters_in(records)]
        return [letter for letter in letters if letter["subject_id"] == self.order.subject_id]

    async def run_all(self, *commands: tuple[str, ...]) -> list[Done]:
        """One after the other: each takes seconds to start, and several at once run into the time each is given."""
        return [await self.run(*command) for command in commands]

    async def awaited(self, count: int) -> list[dict[str, Any]]:
        return await until(self.mine, lambda found: len(found) == count)


@pytest.fixture(scope="module")
async def desk(world: World) -> Desk:
    """A person whose order came while the keyring did not know her: three services put it aside."""
    person = somebody("put-aside", 500, language="en")
    order = await world.parcel_of(await world.place(person))
    await world.written_to(person, "Your order is confirmed")
    desk = Desk(world, person, order)
    record = (await world.placed_event(order)).record
    keyring = world.admin["keyring"]["subjects"]
    document = await world.keyring_document(order.subject_id)
    await keyring.delete_one({"_id": order.subject_id})
    await world.admin["delivery"]["shipments"].delete_one({"order_id": order.order_id})
    await asyncio.sleep(desk.cache_seconds + 1)
    await send_again(world.stack.info.kafka.address, [record])
    await desk.awaited(3)
    await keyring.insert_one(document)
    return desk


async def test_what_was_put_aside_is_counted_and_shown(desk: Desk) -> None:
    letters = await desk.mine()
    assert {letter["service"]: letter["code"] for letter in letters} == dict.fromkeys(READERS, "subject-unknown")
    assert {(letter["topic"], letter["event_type"]) for letter in letters} == {("orders", "kz.exl.OrderPlaced.v1")}
    counts, each, shown, table, alert = await desk.run_all(
        ("list", "--code", "subject-unknown", "--json"),
        ("list", "--each", "--json"),
        ("show", letters[0]["letter"]),
        ("list",),
        ("list", "--metrics"),
    )
    assert {row["service"] for row in counts.json() if row["undecided"]} >= set(READERS)
    assert [letter for letter in each.json() if letter["subject_id"] == desk.order.subject_id] == letters
    assert (shown.code, letters[0]["event_id"] in shown.out) == (0, True)
    assert "subject-unknown" in table.out
    assert 'sealed_dead_letters_undecided{code="subject-unknown",service="delivery",topic="orders"}' in alert.out


async def test_replayed_letter_is_applied_and_nobody_is_written_to_twice(desk: Desk) -> None:
    letters, written = await desk.mine(), desk.world.subjects_to(desk.person)
    shipments = desk.world.admin["delivery"]["shipments"]
    assert await shipments.count_documents({"order_id": desk.order.order_id}) == 0
    names = [letter["letter"] for letter in letters if letter["service"] != "privacy"]
    assert (await desk.run("replay", *names, "--json")).json() == {"replayed": names}
    again = await desk.world.parcel_of(desk.order)
    assert again.shipment_id == desk.order.shipment_id
    outcomes = {letter["service"]: letter["outcome"] for letter in await desk.mine()}
    assert outcomes == {"delivery": "replayed", "notifications": "replayed", "privacy": "undecided"}
    await desk.world.operate(again, "hand-over")
    await desk.world.written_to(desk.person, "Your parcel is on its way")
    assert desk.world.subjects_to(desk.person)[:-1] == written


async def test_discarded_letter_is_sent_nowhere(desk: Desk) -> None:
    servers = desk.world.stack.info.kafka.address
    (letter,) = [letter for letter in await desk.mine() if letter["service"] == "privacy"]
    before = len(await everything(servers, ["orders"]))
    await desk.run("discard", letter["letter"], "--reason", "handled")
    assert len(await everything(servers, ["orders"])) == before
    (after,) = [after for after in await desk.mine() if after["letter"] == letter["letter"]]
    assert (after["outcome"], after["reason"]) == ("discarded", "handled")


UNCLEAR = {
    ("replay",): "Name letters",
    ("discard", "--reason", "test"): "Name letters",
    ("replay", "delivery/0/999999"): "no dead letter",
    ("discard", "--all"): "--reason",
    ("discard", "--all", "--reason", "she asked me to"): "--reason",
}


async def test_command_that_does_not_say_what_it_means_does_nothing(desk: Desk) -> None:
    before = await desk.mine()
    done = await desk.run_all(*UNCLEAR)
    assert [one.code for one in done if not one.code] == []
    assert [says for one, says in zip(done, UNCLEAR.values(), strict=True) if says not in one.err] == []
    assert await desk.mine() == before


async def test_nothing_of_a_person_is_printed(desk: Desk) -> None:
    """Not even of a message that holds one in clear, in its key and in a header too."""
    values = {"phone": str(desk.person.phone), "email": str(desk.person.email)}
    needles, value, contact = Needles(values), json.dumps(values).encode(), values["email"].encode()
    record = a_record(value, key=contact, headers=[("ce_id", contact), ("ce_type", contact), ("ce_time", contact)])
    servers = desk.world.stack.info.kafka.address
    assert list(needles.found_in(value, "planted"))

    async def put_aside() -> int:
        aside = await everything(servers, [f"dead-letters-{service}" for service in READERS])
        return sum(letter.value == value for letter in aside)

    await send_again(servers, [record])
    await until(put_aside, lambda found: found == len(READERS))
    done = await desk.run_all(("list",), ("list", "--each"), ("list", "--each", "--json"), ("list", "--metrics"))
    assert [one.code for one in done] == [0] * 4
    assert [f for text in desk.printed for f in needles.found_in(text.encode(), "printed")] == []
