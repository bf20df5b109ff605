"""Delivery's acts over the shared store."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from deploy.local.stack import LocalStack
from tests.integration.delivery.a_delivery import Delivery
from tests.integration.delivery.a_delivery import a_delivery as making


@pytest.fixture
async def delivery(stores: LocalStack, tmp_path: Path) -> AsyncIterator[Delivery]:
    async with making(stores, tmp_path) as delivery:
        yield delivery
