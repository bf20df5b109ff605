"""Intake's acts over the shared store, twice."""

from collections.abc import AsyncIterator

import pytest

from deploy.local.stack import LocalStack
from tests.integration.intake.an_intake import Intake, an_intake


@pytest.fixture
async def intake(stores: LocalStack) -> AsyncIterator[Intake]:
    async with an_intake(stores) as intake:
        yield intake


@pytest.fixture
async def replica(stores: LocalStack) -> AsyncIterator[Intake]:
    async with an_intake(stores) as intake:
        yield intake
