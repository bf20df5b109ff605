"""The embedded MongoDB: a real mongod as a one-node replica set (transactions need one) with authentication.

The replica set is started and the administrator made through mongod's localhost exception, which closes itself with
the first user. Nothing is compressed, so that a search of the raw files for a person's values proves something.
"""

import asyncio
import importlib.util
import shutil
from pathlib import Path
from typing import Any

from pymongo.errors import OperationFailure

from deploy.local.credentials import Credentials
from deploy.local.environment import child_environment
from deploy.local.layout import Layout
from deploy.local.part import Part, PartMissing, StackError
from deploy.local.readiness import mongod_answers, opened
from shared.stores.mongo import Client, connect

REPLICA_SET = "sealed"
ADMIN = "admin"
_UNAUTHORIZED, _AUTHENTICATION_FAILED = 13, 18
_ALREADY_INITIALIZED, _STILL_LOADING = 23, 94
_USER_EXISTS = 51003


class CredentialsLost(StackError):
    def __init__(self) -> None:
        super().__init__("mongod's data was made with passwords that var/run/secrets no longer has: `make reset`.")


def mongod_part(layout: Layout, port: int, credentials: Credentials) -> Part:
    """Raises PartMissing."""
    return Part(
        name="mongod",
        argv=(
            str(_program()),
            *("--dbpath", str(layout.mongod_data), "--bind_ip", "127.0.0.1", "--port", str(port)),
            *("--replSet", REPLICA_SET, "--oplogSize", "64"),
            *("--auth", "--keyFile", str(credentials.replica_set_key())),
            *("--wiredTigerCollectionBlockCompressor", "none", "--wiredTigerJournalCompressor", "none"),
            *("--wiredTigerIndexPrefixCompression", "false", "--wiredTigerCacheSizeGB", "1"),
            "--nounixsocket",
            *("--setParameter", "diagnosticDataCollectionEnabled=false"),
            # A service killed within a transaction leaves it open, and whoever wants the same documents waits. A minute
            # is MongoDB's default; no transaction here takes a second.
            *("--setParameter", "transactionLifetimeLimitSeconds=5"),
            # Alone in its set, it has no successor to wait for when it is told to stop.
            *("--setParameter", "shutdownTimeoutMillisForSignaledShutdown=0"),
        ),
        environment=child_environment(),
        ready=mongod_answers(port),
    )


def admin_uri(port: int, password: str) -> str:
    return f"mongodb://{ADMIN}:{password}@{_address(port)}/?replicaSet={REPLICA_SET}&authSource=admin"


async def bootstrap(port: int, password: str) -> None:
    """Make the replica set and its administrator where they aren't there, and wait for the server to be primary.

    Raises CredentialsLost."""
    newcomer = connect(_direct_uri(port), service="launcher")
    administrator = connect(_direct_uri(port, f"{ADMIN}:{password}@"), service="launcher")
    try:
        async with asyncio.timeout(30):
            if await _initiate(newcomer, port):
                await _become_primary(newcomer)
                await _create_admin(newcomer, password)
            else:
                await _move_to(administrator, port)
                await _become_primary(administrator)
    except OperationFailure as error:
        if error.code == _AUTHENTICATION_FAILED:
            raise CredentialsLost from None
        raise
    finally:
        newcomer.close()
        administrator.close()


async def _initiate(client: Client, port: int) -> bool:
    """False where users exist: then the localhost exception is closed, and the set was made before them."""
    try:
        await client.admin.command("replSetInitiate", _config(port, version=1))
    except OperationFailure as error:
        if error.code not in (_UNAUTHORIZED, _ALREADY_INITIALIZED):
            raise
        return error.code == _ALREADY_INITIALIZED
    return True


async def _create_admin(client: Client, password: str) -> None:
    definition = {"pwd": password, "roles": ["root"], "mechanisms": ["SCRAM-SHA-256"]}
    try:
        await client.admin.command({"createUser": ADMIN, **definition})
    except OperationFailure as error:
        if error.code != _USER_EXISTS:
            raise


async def _move_to(client: Client, port: int) -> None:
    """A set remembers its member's address; where the port of the previous run was taken, tell it the new one."""
    config = await _stored_config(client)
    if config["members"][0]["host"] != _address(port):
        await client.admin.command("replSetReconfig", _config(port, version=config["version"] + 1), force=True)


async def _stored_config(client: Client) -> dict[str, Any]:
    while True:
        try:
            config: dict[str, Any] = (await client.admin.command("replSetGetConfig"))["config"]
        except OperationFailure as error:
            if error.code != _STILL_LOADING:
                raise
            await asyncio.sleep(0.02)
        else:
            return config


async def _become_primary(client: Client) -> None:
    async def primary() -> bool:
        return bool((await client.admin.command("hello"))["isWritablePrimary"])

    await opened(primary)


def _config(port: int, *, version: int) -> dict[str, Any]:
    return {"_id": REPLICA_SET, "version": version, "members": [{"_id": 0, "host": _address(port)}]}


def _address(port: int) -> str:
    return f"127.0.0.1:{port}"


def _direct_uri(port: int, user: str = "") -> str:
    return f"mongodb://{user}{_address(port)}/?directConnection=true&authSource=admin"


def _program() -> Path:
    """mongod from the wheel, else from PATH."""
    package = importlib.util.find_spec("fiftyone")
    folders = package.submodule_search_locations if package else None
    for folder in folders or ():
        program = Path(folder) / "db" / "bin" / "mongod"
        if program.exists():
            return program
    if found := shutil.which("mongod"):
        return Path(found)
    raise PartMissing(
        "mongod",
        "The lock has it for Linux x86-64 and macOS (`make setup`). Elsewhere install MongoDB 6.0 or later so that "
        "`mongod` is in PATH, or set MONGODB_URI to the administrator's URI of a replica set.",
    )
