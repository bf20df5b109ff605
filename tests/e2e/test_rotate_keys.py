"""Keys are rotated twice while orders flow and people are erased. Nobody notices; whoever stays can be opened; and
the wrapped keys of the erased, which still lie in oplog, journal and backups, open with no key that exists."""

import asyncio
import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest

from deploy.demo.topics import everything
from deploy.provision.rotate_keys import Rotation, rotate
from shared.contracts.personal import PersonalData
from shared.messaging.cloudevents import new_id
from shared.sealing.kek_files import KekFolders, epochs_in
from shared.sealing.wrapping import WrappedKey
from shared.stores.keyring_view import DATABASE, EPOCHS, SUBJECTS
from tests.builders import order_form
from tests.e2e.old_copies import Copy, copies_in_oplog, files_with, openable
from tests.e2e.world import Order, World, somebody
from tests.integration.services.clients import PATIENCE_SECONDS

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

CACHE_SECONDS = 2.0  # as the stack of these tests has it
CONFIRMED = "Your order is confirmed"
EVERY_NTH_WITHDRAWS = 8


class Load:
    """People who order, one after the other, and some who withdraw: each request is answered at the first try."""

    def __init__(self, world: World, first_number: int) -> None:
        self.staying: list[tuple[PersonalData, Order]] = []
        self.withdrawn: list[tuple[Order, str]] = []
        self._world = world
        self._number = first_number
        self._stop = asyncio.Event()

    async def run(self) -> None:
        while not self._stop.is_set() or not self.withdrawn or not self.staying:
            person = somebody(f"while-rotating-{self._number}", self._number, language="en")
            self._number += 1
            placed = await self._ask("intake", "/v1/orders", order_form(person))
            order = Order(placed["order_id"], placed["subject_id"])
            if self._number % EVERY_NTH_WITHDRAWS:
                self.staying.append((person, order))
            else:
                await self._ask("intake", f"/v1/orders/{order.order_id}/cancel", None)
                case = await self._ask("privacy", "/v1/withdrawals", {"find": {"phone": person.phone}})
                self.withdrawn.append((order, case["case_id"]))
            await asyncio.sleep(0.1)

    async def has_begun(self) -> None:
        """Somebody stays whose keys are of the epoch before."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while len(self.staying) < 3:
                await asyncio.sleep(0.05)

    def stop(self) -> None:
        self._stop.set()

    async def _ask(self, service: str, path: str, body: Any) -> dict[str, Any]:
        info = self._world.stack.info
        token = info.tokens.shop if service == "intake" else info.tokens.officer
        headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": new_id()}
        async with httpx.AsyncClient(base_url=info.services[service].url, headers=headers, timeout=30) as client:
            answer = await client.post(path, json=body)
        assert answer.is_success, (path, answer.status_code, answer.json().get("title"))
        return dict(answer.json())


async def rotate_everything(world: World) -> list[Rotation]:
    keeper = KekFolders(world.stack.layout.keys)
    return await asyncio.gather(
        *(rotate(world.admin, keeper, reader, cache_seconds=CACHE_SECONDS) for reader in world.policy.readers)
    )


def secrets_of(keys_root: Path, reader: str, epoch: int) -> bytes:
    """What a private key file alone holds, as it is written in it."""
    keyset = json.loads((keys_root / reader / "kek" / f"{epoch}.json").read_text())
    return str(keyset["key"][0]["keyData"]["value"]).encode()


def column_of(document: Mapping[str, Any]) -> list[Copy]:
    return [(reader, WrappedKey(**key)) for reader, key in document["keys"].items()]


async def an_erased_person(world: World) -> tuple[Order, str, list[Copy]]:
    """Who withdrew before any rotation, with the copies that were made of the keys while they lived."""
    person = somebody("rotated-erased", 490, language="en")
    order = await world.place(person)
    await world.written_to(person, CONFIRMED)
    copies = column_of(await world.keyring_document(order.subject_id))
    await world.shop.post(f"/v1/orders/{order.order_id}/cancel")
    case_id = await world.withdraw(phone=person.phone)
    await world.case(case_id)
    return order, case_id, copies


async def test_survivors_are_opened_and_old_copies_of_the_erased_are_not(world: World, tmp_path: Path) -> None:
    readers, root = set(world.policy.readers), world.stack.layout.keys
    erased, case_id, backup = await an_erased_person(world)
    old = {reader: epochs_in(root / reader / "kek")[-1] for reader in readers}
    secrets = {reader: secrets_of(root, reader, epoch) for reader, epoch in old.items()}
    stolen = shutil.copytree(root, tmp_path / "stolen")
    faults = world.faults_logged()

    load = Load(world, first_number=500)
    ordering = asyncio.create_task(load.run())
    await load.has_begun()
    first = await rotate_everything(world)
    gone_before_second = list(load.withdrawn)
    for _, case in gone_before_second:
        await world.case(case)
    second = await rotate_everything(world)
    load.stop()
    await ordering

    # Two epochs on, and the old key is nowhere that a key could be.
    assert {r.reader: r.new_epoch for r in second} == {reader: epoch + 2 for reader, epoch in old.items()}
    assert all(rotation.rewrapped for rotation in (*first, *second))
    for reader in readers:
        assert epochs_in(root / reader / "kek") == [old[reader] + 2]
        assert {path.stem for path in root.glob(f"*/public/{reader}/*.json")} == {str(old[reader] + 2)}
        assert files_with(stolen, secrets[reader]) == [f"{reader}/kek/{old[reader]}.json"]
        assert files_with(world.stack.layout.var, secrets[reader]) == []

    # Every wrapped key that the erased ever had is still on the disk, and is noise.
    await world.admin.admin.command("fsync")
    copies = await copies_in_oplog(world.admin, erased.subject_id)
    assert {reader for reader, _ in copies} == readers
    assert set(backup) <= set(copies)
    for _, key in copies:
        places = files_with(world.stack.layout.mongod_data, key.wrapped)
        assert any(place.startswith("journal/") for place in places), places
        assert any(place.endswith(".wt") for place in places), places
    assert openable(stolen, copies, erased.subject_id) == readers, "with the old keys they would have opened"
    assert openable(root, copies, erased.subject_id) == set()
    for order, _ in gone_before_second:
        copies = await copies_in_oplog(world.admin, order.subject_id)
        assert {reader for reader, _ in copies} == readers
        assert openable(root, copies, order.subject_id) == set()

    # Whoever stays can be opened by each reader, and none of the load was lost.
    async for document in world.admin[DATABASE][SUBJECTS].find({"keys.delivery": {"$exists": True}}):
        assert openable(root, column_of(document), document["_id"]) == set(document["keys"])
    for person, order in load.staying:
        parcel = await world.parcel_of(order)
        handed_over = await world.operate(parcel, "hand-over")
        assert set(handed_over["disclosed_fields"]) == world.policy.fields_for("delivery", "3.2.3")
        await world.written_to(person, CONFIRMED)
    for _, case in load.withdrawn:
        certificate = await world.certificate((await world.case(case))["case_id"])
        assert world.wrong_with(certificate, tmp_path / "stranger") == []
    dead_letters = [name for name in world.policy.topics if name.startswith("dead-letters-")]
    subjects = {order.subject_id.encode() for order in (erased, *(o for _, o in load.staying))}
    records = await everything(world.stack.info.kafka.address, dead_letters)
    assert [record.topic for record in records if record.key in subjects] == []
    certificate = await world.certificate(case_id)
    assert {reader: key["epoch"] for reader, key in certificate["keys"].items()} == old
    recorded = await world.admin[DATABASE][EPOCHS].find({"destroyed_at": {"$ne": None}}).to_list(None)
    assert {(row["reader"], row["epoch"]) for row in recorded} >= {
        (reader, epoch + passed) for reader, epoch in old.items() for passed in (0, 1)
    }
    assert world.faults_logged() == faults
