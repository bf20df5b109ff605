"""Notifications' acts over the shared store, and a world of their own outside."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from deploy.local.stack import LocalStack
from tests.integration.notifications.a_sender import Notifications, a_sender
from tests.integration.notifications.outside import Outside, an_outside


@pytest.fixture
async def outside(tmp_path: Path) -> AsyncIterator[Outside]:
    async with an_outside(tmp_path) as outside:
        yield outside


@pytest.fixture
async def notifications(stores: LocalStack, outside: Outside) -> AsyncIterator[Notifications]:
    async with a_sender(stores, outside) as notifications:
        yield notifications
