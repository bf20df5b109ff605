"""The real parts, for every test that asks for them: one mongod and one broker, started once a run."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import structlog

from deploy.local.stack import LocalStack, local_stack
from shared.messaging.cloudevents import new_id
from shared.stores.mongo import Client, Database, connect


def _drop(*_: Any) -> Any:
    raise structlog.DropEvent


structlog.configure(processors=[_drop])  # `capture_logs` sees them all the same


@pytest.fixture(scope="session")
async def stores(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[LocalStack]:
    """A mongod with the policy's users, roles and views, and a broker with its topics; no service process."""
    async with local_stack(tmp_path_factory.mktemp("stores"), services=()) as stack:
        yield stack


@pytest.fixture(scope="session")
async def mongo(stores: LocalStack) -> AsyncIterator[Client]:
    """As administrator."""
    client = connect(stores.info.mongodb.uri, service="test")
    yield client
    client.close()


@pytest.fixture
async def database(mongo: Client) -> AsyncIterator[Database]:
    """Empty, and gone afterwards."""
    database = mongo[f"test_{new_id()}"]
    yield database
    await mongo.drop_database(database.name)
