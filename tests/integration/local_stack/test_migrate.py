"""The migration that a roll-out begins with, run as its job runs it, on a server that knows none of the services."""

import os
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import pytest
from pymongo.errors import OperationFailure

from deploy.local.layout import ROOT
from deploy.local.stack import LocalStack, local_stack
from deploy.provision.mongodb import uri_of
from shared.policy.access import view_name
from shared.policy.load import load_policy
from shared.stores.keyring_view import DATABASE
from shared.stores.mongo import Client, connect

pytestmark = pytest.mark.integration
POLICY = load_policy()
SERVICES = POLICY.erasing_stores
AWKWARD = "p@ss/w:rd%7E {}"  # what a URI writes otherwise


@pytest.fixture(scope="module")
async def stack(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[LocalStack]:
    async with local_stack(tmp_path_factory.mktemp("migrate"), services=(), kafka_brokers=0) as stack:
        yield stack


@pytest.fixture
async def admin(stack: LocalStack) -> AsyncIterator[Client]:
    client = connect(stack.info.mongodb.uri, service="test")
    for service in SERVICES:
        for command in ("dropUser", "dropRole"):
            with suppress(OperationFailure):  # a test before this one left none
                await client.admin.command(command, service)
        await client[DATABASE].drop_collection(view_name(service))
    yield client
    client.close()


def secrets(stack: LocalStack, folder: Path, password: str = AWKWARD) -> Path:
    """The services' URIs, as the job's volume has them."""
    for service in SERVICES:
        (folder / service).write_text(uri_of(stack.info.mongodb.uri, service, password) + "\n")
    return folder


def migrate(stack: LocalStack, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "deploy.provision.migrate", str(folder)],
        env={"MONGODB_URI": stack.info.mongodb.uri, "PATH": os.environ["PATH"]},
        cwd=ROOT,
        capture_output=True,
        text=True,
    )


async def may_read(uri: str, database: str, collection: str) -> bool:
    client = connect(uri, service="test")
    try:
        await client[database][collection].find_one()
    except OperationFailure:
        return False
    finally:
        client.close()
    return True


async def test_each_service_signs_in_and_reads_its_own_and_no_other(
    stack: LocalStack, admin: Client, tmp_path: Path
) -> None:
    folder = secrets(stack, tmp_path)
    assert not await may_read((folder / "delivery").read_text().strip(), "delivery", "shipments")
    done = migrate(stack, folder)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    for service in SERVICES:
        uri = (folder / service).read_text().strip()
        for other in SERVICES:
            assert await may_read(uri, DATABASE, view_name(other)) == (other == service)
        assert await may_read(uri, service, "outbox")
    assert not await may_read((folder / "delivery").read_text().strip(), "intake", "orders")


async def test_a_later_run_brings_a_changed_password_and_takes_back_what_the_policy_does_not_grant(
    stack: LocalStack, admin: Client, tmp_path: Path
) -> None:
    migrate(stack, secrets(stack, tmp_path))
    before = (tmp_path / "delivery").read_text().strip()
    beyond = {"resource": {"db": "intake", "collection": "orders"}, "actions": ["find"]}
    await admin.admin.command("grantPrivilegesToRole", "delivery", privileges=[beyond])
    assert await may_read(before, "intake", "orders")
    assert migrate(stack, secrets(stack, tmp_path, "another")).returncode == 0
    after = (tmp_path / "delivery").read_text().strip()
    assert not await may_read(before, "delivery", "shipments")
    assert await may_read(after, "delivery", "shipments")
    assert not await may_read(after, "intake", "orders")


@pytest.mark.parametrize("written", ["mongodb://delivery@127.0.0.1:9/?authSource=admin", "", None])
async def test_a_missing_password_changes_nothing_and_is_named_by_its_service(
    stack: LocalStack, admin: Client, tmp_path: Path, written: str | None
) -> None:
    folder = secrets(stack, tmp_path)
    (folder / "delivery").unlink() if written is None else (folder / "delivery").write_text(written)
    done = migrate(stack, folder)
    assert done.returncode != 0
    assert "delivery" in done.stderr
    assert "p%40ss" not in done.stderr
    assert stack.info.mongodb.uri not in done.stderr
    users = {user["user"] for user in (await admin.admin.command("usersInfo"))["users"]}
    assert users.isdisjoint(SERVICES)
