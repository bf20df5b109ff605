"""The whole stack with its key-encryption keys in a real OpenBao: people are served, keys are rotated, the server goes
away and comes back, and an erased person's old wrapped keys open with nothing that the server has."""

import asyncio
import os
import shutil
import signal
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import httpx
import pytest

from deploy.demo.topics import everything
from deploy.local.layout import Layout
from deploy.local.stack import local_stack
from deploy.local.vault_keys import VaultKeys, vault_keys
from shared.messaging.cloudevents import new_id
from shared.sealing.kek import KekUnavailable
from shared.sealing.kek_vault import KekVaultKeeper
from shared.sealing.wrapping import KeyUnwrapper
from tests.builders import order_form
from tests.e2e.officer import sealed
from tests.e2e.old_copies import Copy, copies_in_oplog
from tests.e2e.world import World, somebody, world_of

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

CONFIRMED = "Your order is confirmed"
CACHE_SECONDS = 2.0


@pytest.fixture(scope="module")
async def vault(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[VaultKeys]:
    async with vault_keys(Layout.at(tmp_path_factory.mktemp("vault"))) as vault:
        yield vault


@pytest.fixture(scope="module")
async def world(vault: VaultKeys) -> AsyncIterator[World]:
    """No service finds a key file."""

    async def without_files(service: str, environment: Mapping[str, str]) -> Mapping[str, str]:
        for folder in ("kek", "public"):
            shutil.rmtree(vault.layout.keys / service / folder, ignore_errors=True)
        return await vault.rewire(service, environment)

    async with local_stack(vault.layout.var, rewire=without_files) as stack, world_of(stack) as world:
        yield world


def openable(vault: VaultKeys, copies: list[Copy], subject_id: str) -> set[str]:
    """Readers of whom a key in the server opens a copy, for the administrator who may ask for any."""
    keeper, opened = KekVaultKeeper(vault.address), set()
    for reader, key in copies:
        try:
            KeyUnwrapper(keeper.opener(reader), reader, 1).unwrap(key, subject_id)
            opened.add(reader)
        except KekUnavailable:
            continue
    return opened


async def test_old_copies_of_the_erased_open_with_nothing_the_server_has(
    world: World, vault: VaultKeys, tmp_path: Path
) -> None:
    readers = set(world.policy.readers)
    erased, stays = (somebody(f"vault-{name}", 460 + n, language="en") for n, name in enumerate(("erased", "stays")))
    erased_order, order = [await world.parcel_of(await world.place(person)) for person in (erased, stays)]
    await world.written_to(erased, CONFIRMED)
    await world.shop.post(f"/v1/orders/{erased_order.order_id}/cancel")
    case_id = await world.withdraw(phone=erased.phone)
    await world.case(case_id)
    copies = await copies_in_oplog(world.admin, erased_order.subject_id)
    assert {reader for reader, _ in copies} == readers
    assert all(key.session.startswith(b"vault:v1:") for _, key in copies)
    assert openable(vault, copies, erased_order.subject_id) == readers, "they open until the rotation"

    rotated = await sealed(vault.layout.var, "keys", "rotate", "--kek", "vault", "--cache-seconds", str(CACHE_SECONDS))
    assert rotated.code == 0, rotated.err

    assert openable(vault, copies, erased_order.subject_id) == set()
    survivors = await copies_in_oplog(world.admin, order.subject_id)
    assert openable(vault, survivors, order.subject_id) == readers
    handed_over = await world.operate(order, "hand-over")
    assert set(handed_over["disclosed_fields"]) == world.policy.fields_for("delivery", "3.2.3")
    certificate = await world.certificate(case_id)
    assert world.wrong_with(certificate, tmp_path / "stranger") == []
    assert {reader: key["epoch"] for reader, key in certificate["keys"].items()} == dict.fromkeys(readers, 1)


async def test_nothing_is_lost_while_the_server_is_away(world: World, vault: VaultKeys) -> None:
    before, during = (somebody(f"vault-{when}", 465 + n, language="en") for n, when in enumerate(("before", "during")))
    order = await world.parcel_of(await world.place(before))
    await vault.server.stop()
    await asyncio.sleep(CACHE_SECONDS)  # what the services remember is gone
    async with httpx.AsyncClient(base_url=world.stack.info.services["intake"].url) as shop:
        headers = {"Authorization": f"Bearer {world.stack.info.tokens.shop}", "Idempotency-Key": new_id()}
        answer = await shop.post("/v1/orders", json=order_form(during), headers=headers, timeout=30)
    assert answer.status_code == 503, "nothing was taken, and it says so"
    waiting = [asyncio.create_task(world.place(during)), asyncio.create_task(world.operate(order, "hand-over"))]
    await vault.server.start()
    await asyncio.gather(*waiting)
    for person in (before, during):
        await world.written_to(person, CONFIRMED)
        assert world.subjects_to(person).count(CONFIRMED) == 1
    assert world.faults_logged() == []
    dead_letters = [name for name in world.policy.topics if name.startswith("dead-letters-")]
    assert await everything(world.stack.info.kafka.address, dead_letters) == []


async def test_server_that_hangs_holds_up_nobody_who_needs_no_key(world: World, vault: VaultKeys) -> None:
    await asyncio.sleep(CACHE_SECONDS)
    intake, token = world.stack.info.services["intake"].url, world.stack.info.tokens.shop
    headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": new_id()}
    async with httpx.AsyncClient(base_url=intake, headers=headers, timeout=60) as shop:
        os.kill(vault.server.pid, signal.SIGSTOP)
        try:
            person = somebody("vault-hangs", 469, language="en")
            ordering = asyncio.create_task(shop.post("/v1/orders", json=order_form(person)))
            await asyncio.sleep(0.5)
            for _ in range(5):
                assert (await shop.get("/health/live")).is_success
            assert not ordering.done(), "the order waits for the server, and its service's loop does not"
        finally:
            os.kill(vault.server.pid, signal.SIGCONT)
        await ordering
    order = await world.place(person)
    await world.parcel_of(order)
    await world.written_to(person, CONFIRMED)
