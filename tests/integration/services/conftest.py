"""Intake, delivery and notifications as processes of their own, with the world outside."""

from collections.abc import AsyncIterator

import pytest

from deploy.local.stack import LocalStack, local_stack
from tests.integration.services.clients import Clients, clients_of


@pytest.fixture(scope="package")
async def stack(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[LocalStack]:
    services = ("intake", "delivery", "notifications")
    async with local_stack(tmp_path_factory.mktemp("services"), services=services) as stack:
        yield stack


@pytest.fixture
async def clients(stack: LocalStack) -> AsyncIterator[Clients]:
    async with clients_of(stack) as clients:
        yield clients
