"""Keys are rotated while everything runs: nobody notices, whoever stays can be opened, and the copy of an erased
person's wrapped key that lies in an old backup opens with no key that exists."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from deploy.provision.rotate_keys import Rotation, rotate
from shared.messaging.cloudevents import new_id
from shared.sealing.kek import KekUnavailable
from shared.sealing.kek_files import KekFiles, epochs_in
from shared.sealing.wrapping import KeyUnwrapper, WrappedKey
from tests.builders import order_form
from tests.e2e.world import Order, World, somebody

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

CACHE_SECONDS = 2.0  # as the stack of these tests has it
CONFIRMED = "Your order is confirmed"


async def column_of(world: World, order: Order) -> dict[str, WrappedKey]:
    """Reader → wrapped key, as a backup would have it."""
    keys: Mapping[str, dict[str, object]] = (await world.keyring_document(order.subject_id))["keys"]
    return {reader: WrappedKey(**key) for reader, key in keys.items()}  # type: ignore[arg-type]


def openable(keys_root: Path, column: Mapping[str, WrappedKey], subject_id: str) -> set[str]:
    """Readers whose wrapped key some private key on the disk still opens, whatever epoch it says it is of."""
    opened = set()
    for reader, key in column.items():
        unwrapper = KeyUnwrapper(KekFiles(keys_root / reader, reader), reader, 1)
        for epoch in {key.epoch, *epochs_in(keys_root / reader / "kek")}:
            try:
                unwrapper.unwrap(replace(key, epoch=epoch), subject_id)
                opened.add(reader)
            except KekUnavailable:
                continue
    return opened


async def rotate_everything(world: World) -> list[Rotation]:
    root = world.stack.layout.keys
    return await asyncio.gather(
        *(rotate(world.admin, root, reader, cache_seconds=CACHE_SECONDS) for reader in world.policy.readers)
    )


async def keep_ordering(world: World, stop: asyncio.Event) -> list[tuple[str, str]]:
    """One new person after the other, each order answered at the first try. (order id, e-mail)."""
    info, placed = world.stack.info, []
    headers = {"Authorization": f"Bearer {info.tokens.shop}"}
    async with httpx.AsyncClient(base_url=info.services["intake"].url, headers=headers) as shop:
        while not stop.is_set() or not placed:
            person = somebody(f"while-rotating-{len(placed)}", 500 + len(placed), language="en")
            answer = await shop.post("/v1/orders", json=order_form(person), headers={"Idempotency-Key": new_id()})
            assert answer.status_code == 201, answer.text
            placed.append((answer.json()["order_id"], str(person.email)))
            await asyncio.sleep(0.05)
    return placed


async def test_survivors_are_opened_and_the_erased_are_not(world: World) -> None:
    erased, stays = (somebody(f"rotated-{name}", 490 + n, language="en") for n, name in enumerate(("erased", "stays")))
    erased_order, order = [await world.parcel_of(await world.place(person)) for person in (erased, stays)]
    await world.written_to(erased, CONFIRMED)
    await world.shop.post(f"/v1/orders/{erased_order.order_id}/cancel")
    root, backup = world.stack.layout.keys, await column_of(world, erased_order)
    case_id = await world.withdraw(phone=erased.phone)
    epochs = {reader: key.epoch for reader, key in backup.items()}
    await world.case(case_id)
    assert openable(root, backup, erased_order.subject_id) == set(world.policy.readers), "a backup opens until rotation"
    faults = world.faults_logged()

    stop = asyncio.Event()
    ordering = asyncio.create_task(keep_ordering(world, stop))
    rotations = await rotate_everything(world)
    stop.set()
    placed = await ordering

    assert {r.reader: r.new_epoch for r in rotations} == {reader: epoch + 1 for reader, epoch in epochs.items()}
    assert all(rotation.rewrapped for rotation in rotations)
    for reader in world.policy.readers:
        assert epochs_in(root / reader / "kek") == [epochs[reader] + 1]
    assert openable(root, backup, erased_order.subject_id) == set()
    assert openable(root, await column_of(world, order), order.subject_id) == set(world.policy.readers)

    handed_over = await world.operate(order, "hand-over")
    assert set(handed_over["disclosed_fields"]) == world.policy.fields_for("delivery", "3.2.3")
    await world.operate(order, "deliver")
    await world.messages_of(order, lambda found: [m["state"] for m in found] == ["sent"] * 5)
    for order_id, _ in placed:
        await world.messages_of(Order(order_id, ""), lambda found: [m["state"] for m in found] == ["sent"])
    case = await world.case(await world.withdraw(phone=stays.phone))
    assert case["letters"] == {"received": "sent", "done": "sent"}
    certificate = await world.certificate(case_id)
    assert {reader: key["epoch"] for reader, key in certificate["keys"].items()} == epochs
    assert world.faults_logged() == faults
