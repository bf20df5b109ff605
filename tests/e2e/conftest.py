"""One whole stack for the stories that may share it: all four services, with the world outside."""

from collections.abc import AsyncIterator

import pytest

from deploy.local.stack import LocalStack, local_stack
from tests.e2e.world import World, world_of


@pytest.fixture(scope="package")
async def stack(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[LocalStack]:
    async with local_stack(tmp_path_factory.mktemp("e2e")) as stack:
        yield stack


@pytest.fixture(scope="package")
async def world(stack: LocalStack) -> AsyncIterator[World]:
    async with world_of(stack) as world:
        yield world
