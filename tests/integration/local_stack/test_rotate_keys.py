"""Rotation on a real keyring. While services run: tests/e2e/test_rotate_keys.py."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from deploy.local.stack import LocalStack, local_stack
from deploy.provision.rotate_keys import rotate
from shared.sealing.kek_files import KekFiles, epochs_in
from shared.sealing.keyring import Held, KeyringReader
from shared.sealing.subject_keys import SubjectKeys
from shared.sealing.wrapping import KeyUnwrapper
from shared.stores.keyring_view import MongoKeyringView
from tests.integration.a_publisher import Publisher

pytestmark = pytest.mark.integration
CACHE_SECONDS = 2.0


@pytest.fixture
async def stack(tmp_path: Path) -> AsyncIterator[LocalStack]:
    async with local_stack(tmp_path, services=()) as stack:
        yield stack


async def test_order_stored_after_the_first_pass_keeps_its_keys(stack: LocalStack) -> None:
    """Its keys were wrapped under the old epoch, in the last moment of its publisher's session."""
    publisher = Publisher(stack)
    people = [await publisher.somebody()]
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        if len(slept) == 2:
            people.append(await publisher.somebody())

    rotation = await rotate(
        publisher.administrator, stack.layout.keys, "delivery", cache_seconds=CACHE_SECONDS, sleep=sleep
    )
    assert (rotation.rewrapped, slept) == (2, [CACHE_SECONDS] * 3)
    assert epochs_in(stack.layout.keys / "delivery" / "kek") == [2]
    assert await readable(stack, publisher, people) == [True, True]
    publisher.administrator.close()


async def readable(stack: LocalStack, publisher: Publisher, people: list[SubjectKeys]) -> list[bool]:
    unwrapper = KeyUnwrapper(KekFiles(stack.layout.keys / "delivery", "delivery"), "delivery", 1)
    keyring = KeyringReader(MongoKeyringView(publisher.administrator, "delivery"), unwrapper, max_age_seconds=1)
    states = [await keyring.state(keys.subject_id) for keys in people]
    sealed = [keys.of("delivery").encrypt(b"parcel", b"") for keys in people]
    return [
        isinstance(state, Held) and state.key().decrypt(text, b"") == b"parcel"
        for state, text in zip(states, sealed, strict=True)
    ]
