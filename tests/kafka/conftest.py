"""One whole stack on three brokers of Apache Kafka, for all tests of the folder: it takes half a minute to start."""

from collections.abc import AsyncIterator

import pytest

from deploy.local.stack import LocalStack, local_stack
from tests.e2e.world import World, world_of


@pytest.fixture(scope="session")
async def stack(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[LocalStack]:
    async with local_stack(tmp_path_factory.mktemp("kafka"), kafka_brokers=3) as stack:
        yield stack


@pytest.fixture(scope="session")
async def world(stack: LocalStack) -> AsyncIterator[World]:
    async with world_of(stack) as world:
        yield world
