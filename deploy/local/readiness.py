"""Gates: whether a part does its work now. None of them raises."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

import httpx
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError
from pymongo.errors import PyMongoError

from shared.messaging.kafka_address import KafkaAddress
from shared.stores.mongo import connect

Gate = Callable[[], Awaitable[bool]]
ANSWER_SECONDS = 2.0
POLL_SECONDS = 0.05


async def opened(gate: Gate) -> None:
    """Wait until the gate says yes."""
    while True:
        if await gate():
            return
        await asyncio.sleep(POLL_SECONDS)


def http_ready(url: str) -> Gate:
    """A 200 from `url`."""

    async def gate() -> bool:
        try:
            async with httpx.AsyncClient(timeout=ANSWER_SECONDS, trust_env=False) as client:
                return (await client.get(url)).status_code == 200
        except httpx.HTTPError:
            return False

    return gate


def smtp_ready(port: int) -> Gate:
    """A server on loopback that greets with 220."""
    return _greets(port, b"220")


def imap_ready(port: int) -> Gate:
    """A server on loopback that greets with OK."""
    return _greets(port, b"* OK")


def _greets(port: int, words: bytes) -> Gate:
    async def gate() -> bool:
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
                with contextlib.closing(writer):
                    return (await reader.readline()).startswith(words)
        except OSError:
            return False

    return gate


def mongod_answers(port: int) -> Gate:
    """The server on loopback answers `hello`: as a primary, or as one that has no valid replica set yet."""

    async def gate() -> bool:
        if not await _accepts(port):
            return False
        client = connect(f"mongodb://127.0.0.1:{port}/?directConnection=true", service="readiness")
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                hello = await client.admin.command("hello")
        except (PyMongoError, OSError):
            return False
        finally:
            client.close()
        return bool(hello.get("isWritablePrimary") or hello.get("isreplicaset"))

    return gate


def kafka_ready(kafka: KafkaAddress) -> Gate:
    """The broker gives its metadata and names a coordinator for a consumer group."""

    host, _, port = kafka.bootstrap_servers.split(",")[0].rpartition(":")

    async def gate() -> bool:
        if not await _accepts(int(port), host):
            return False
        admin = AIOKafkaAdminClient(
            **kafka.client_options(), client_id="readiness", request_timeout_ms=int(ANSWER_SECONDS * 1000)
        )
        try:
            await admin.start()
            await admin.describe_cluster()
            await admin.find_coordinator("readiness")
        except (KafkaError, OSError):
            return False
        finally:
            await admin.close()
        return True

    return gate


def kafka_knows(kafka: KafkaAddress, brokers: int) -> Gate:
    """The broker names that many of its cluster, itself among them."""

    async def gate() -> bool:
        admin = AIOKafkaAdminClient(
            **kafka.client_options(), client_id="readiness", request_timeout_ms=int(ANSWER_SECONDS * 1000)
        )
        try:
            await admin.start()
            return len((await admin.describe_cluster())["brokers"]) >= brokers
        except (KafkaError, OSError):
            return False
        finally:
            await admin.close()

    return gate


async def _accepts(port: int, host: str = "127.0.0.1") -> bool:
    """Whether somebody listens; much cheaper to ask than to try a driver."""
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            _, writer = await asyncio.open_connection(host, port)
    except OSError:
        return False
    writer.close()
    return True
