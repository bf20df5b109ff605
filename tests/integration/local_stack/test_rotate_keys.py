"""Rotation on a real keyring. While services run: tests/e2e/test_rotate_keys.py."""

from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from pathlib import Path

import pytest
from pymongo import MongoClient
from pymongo.errors import OperationFailure

from deploy.local.stack import LocalStack, local_stack
from deploy.provision.rotate_keys import rotate
from shared.sealing.kek_files import KekFiles, KekFolders, epochs_in
from shared.sealing.keyring import Held, KeyringReader
from shared.sealing.subject_keys import SubjectKeys
from shared.sealing.wrapping import KeyUnwrapper
from shared.stores.keyring_view import DATABASE, EPOCHS, SUBJECTS, MongoKeyringView
from shared.stores.mongo import connect
from tests.builders import NOON
from tests.integration.a_publisher import Publisher

pytestmark = pytest.mark.integration
CACHE_SECONDS = 2.0
HOUR = timedelta(hours=1)


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
        publisher.administrator, KekFolders(stack.layout.keys), "delivery", cache_seconds=CACHE_SECONDS, sleep=sleep
    )
    assert (rotation.rewrapped, slept) == (2, [CACHE_SECONDS] * 3)
    assert epochs_in(stack.layout.keys / "delivery" / "kek") == [2]
    assert await readable(stack, publisher, people) == [True, True]
    publisher.administrator.close()


async def test_order_that_nobody_precedes_keeps_its_keys(stack: LocalStack) -> None:
    """The first pass finds nobody, and the key wrapped before it is stored after it."""
    publisher = Publisher(stack)
    slept: list[float] = []
    people: list[SubjectKeys] = []
    await publisher.somebody()  # its session begins under the old epoch
    await publisher.administrator[DATABASE][SUBJECTS].delete_many({})

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        if len(slept) == 2:
            people.append(await publisher.somebody())

    rotation = await rotate(
        publisher.administrator, KekFolders(stack.layout.keys), "delivery", cache_seconds=CACHE_SECONDS, sleep=sleep
    )
    assert rotation.rewrapped == 1
    assert await readable(stack, publisher, people) == [True]
    publisher.administrator.close()


class ErasedMeanwhile(KekFiles):
    """The key is destroyed after the rotation has read it, and before it writes it back."""

    def __init__(self, stack: LocalStack, reader: str, subject_id: str) -> None:
        super().__init__(stack.layout.keys / reader, reader)
        self._uri, self._column, self._subject_id = stack.info.mongodb.uri, f"keys.{reader}", subject_id

    def open(self, epoch: int, sealed: bytes) -> bytes:
        with MongoClient[dict[str, object]](self._uri) as client:
            client[DATABASE][SUBJECTS].update_one({"_id": self._subject_id}, {"$unset": {self._column: ""}})
        return super().open(epoch, sealed)


async def test_key_destroyed_while_it_is_rewrapped_stays_destroyed(
    stack: LocalStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    publisher = Publisher(stack)
    erased, other = await publisher.people(2)
    keeper = KekFolders(stack.layout.keys)
    monkeypatch.setattr(keeper, "opener", lambda reader: ErasedMeanwhile(stack, reader, erased.subject_id))
    await rotate(publisher.administrator, keeper, "delivery", cache_seconds=0)
    document = await publisher.administrator[DATABASE][SUBJECTS].find_one({"_id": erased.subject_id})
    assert document is not None
    assert "delivery" not in document["keys"]
    assert "notifications" in document["keys"]
    assert await readable(stack, publisher, [other]) == [True]
    publisher.administrator.close()


class Crash(Exception):
    """As if the rotation's process were killed there."""


class Crashing(KekFolders):
    """Dies at the n-th thing it is asked, before it is done or after."""

    def __init__(self, keys_root: Path, at: int, *, done: bool) -> None:
        super().__init__(keys_root)
        self._left, self._done = at, done

    def create(self, reader: str, epoch: int) -> None:
        self._step(super().create, reader, epoch)

    def destroy(self, reader: str, epoch: int) -> None:
        self._step(super().destroy, reader, epoch)

    def _step(self, act: Callable[[str, int], None], reader: str, epoch: int) -> None:
        self._left -= 1
        if self._left or self._done:
            act(reader, epoch)
        if not self._left:
            raise Crash


@pytest.mark.parametrize("done", [False, True])
@pytest.mark.parametrize("step", [1, 2])
async def test_rotation_that_was_broken_off_is_carried_to_its_end_by_the_next(
    stack: LocalStack, step: int, done: bool
) -> None:
    publisher, root = Publisher(stack), stack.layout.keys
    people = await publisher.people(3)

    async def at_once(seconds: float) -> None: ...

    crashing = Crashing(root, step, done=done)
    with pytest.raises(Crash):
        await rotate(publisher.administrator, crashing, "delivery", cache_seconds=0.1, sleep=at_once)
    assert await readable(stack, publisher, people) == [True] * 3
    rotation = await rotate(publisher.administrator, KekFolders(root), "delivery", cache_seconds=0.1, sleep=at_once)
    assert await readable(stack, publisher, people) == [True] * 3
    assert epochs_in(root / "delivery" / "kek") == [rotation.new_epoch]
    assert rotation.rewrapped >= len(people)  # all of them anew, whatever the first had done
    records = await publisher.administrator[DATABASE][EPOCHS].find({"destroyed_at": {"$ne": None}}).to_list(None)
    assert sorted(record["epoch"] for record in records) == list(range(1, rotation.new_epoch))
    publisher.administrator.close()


async def test_epochs_end_is_on_record_for_the_privacy_service_to_read_and_nobody_else(stack: LocalStack) -> None:
    publisher, keeper = Publisher(stack), KekFolders(stack.layout.keys)

    async def at_once(seconds: float) -> None: ...

    times = iter([NOON, NOON + HOUR, NOON + 2 * HOUR, NOON + 3 * HOUR])
    for _ in range(2):
        await rotate(
            publisher.administrator, keeper, "delivery", cache_seconds=0.1, sleep=at_once, clock=lambda: next(times)
        )
    privacy = connect(stack.mongodb_uri("privacy"), service="privacy")
    records = await privacy[DATABASE][EPOCHS].find().sort("epoch").to_list(None)
    assert [(record["epoch"], record.get("created_at"), record["destroyed_at"]) for record in records] == [
        (1, None, NOON + HOUR),
        (2, NOON, NOON + 3 * HOUR),
        (3, NOON + 2 * HOUR, None),
    ]
    with pytest.raises(OperationFailure, match="not authorized"):
        await privacy[DATABASE][EPOCHS].update_one({"_id": "delivery/3"}, {"$set": {"destroyed_at": NOON}})
    delivery = connect(stack.mongodb_uri("delivery"), service="delivery")
    with pytest.raises(OperationFailure, match="not authorized"):
        await delivery[DATABASE][EPOCHS].find_one({})
    for client in (privacy, delivery, publisher.administrator):
        client.close()


async def readable(stack: LocalStack, publisher: Publisher, people: list[SubjectKeys]) -> list[bool]:
    unwrapper = KeyUnwrapper(KekFiles(stack.layout.keys / "delivery", "delivery"), "delivery", 1)
    keyring = KeyringReader(MongoKeyringView(publisher.administrator, "delivery"), unwrapper, max_age_seconds=1)
    states = [await keyring.state(keys.subject_id) for keys in people]
    sealed = [keys.of("delivery").encrypt(b"parcel", b"") for keys in people]
    return [
        isinstance(state, Held) and state.key().decrypt(text, b"") == b"parcel"
        for state, text in zip(states, sealed, strict=True)
    ]
