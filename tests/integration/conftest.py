"""A mongod with the policy's users and roles, and a broker, for every test that needs no service process."""

from collections.abc import AsyncIterator

import pytest

from deploy.local.stack import LocalStack, local_stack


@pytest.fixture(scope="session")
async def stores(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[LocalStack]:
    async with local_stack(tmp_path_factory.mktemp("stores"), services=()) as stack:
        yield stack
