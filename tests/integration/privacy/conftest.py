from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from deploy.local.stack import LocalStack
from shared.stores.mongo import Client
from tests.integration.privacy.an_office import Office


@pytest.fixture
async def an_office(mongo: Client, stores: LocalStack) -> AsyncIterator[Callable[..., Awaitable[Office]]]:
    """Makes offices: `await an_office(replicas=2, seed=1)`."""
    offices: list[Office] = []

    async def make(**settings: Any) -> Office:
        office = Office(mongo, stores, **settings)
        offices.append(office)
        await office.open()
        return office

    yield make
    for office in offices:
        await office.close()


@pytest.fixture
async def office(an_office: Callable[..., Awaitable[Office]]) -> Office:
    return await an_office()
