"""The pages as people meet them: one whole stack, and a real Chromium."""

import os
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, async_playwright

from deploy.local.stack import LocalStack, local_stack
from tests.browser.visitors import Visitors
from tests.e2e.world import World, world_of

CHROMIUMS = ("chromium", "chromium-browser", "google-chrome")
QUIET = ("--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-quic")
SCREENSHOTS = "SEALED_SCREENSHOTS"


@pytest.fixture(scope="package")
async def stack(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[LocalStack]:
    async with local_stack(tmp_path_factory.mktemp("browser")) as stack:
        yield stack


@pytest.fixture(scope="package")
async def world(stack: LocalStack) -> AsyncIterator[World]:
    async with world_of(stack) as world:
        yield world


@pytest.fixture(scope="package")
async def browser() -> AsyncIterator[Browser]:
    """The system's Chromium, else Playwright's own; `deploy/browser/set-up.sh` sees to it that there is one."""
    found = next(filter(None, map(shutil.which, CHROMIUMS)), None)
    async with async_playwright() as tools:
        # Root has no sandbox; what is opened here are our own pages.
        sandbox = [] if os.geteuid() else ["--no-sandbox"]
        browser = await tools.chromium.launch(executable_path=found, args=[*QUIET, *sandbox])
        yield browser
        await browser.close()


@pytest.fixture
async def visitors(browser: Browser, stack: LocalStack) -> AsyncIterator[Visitors]:
    """Opens browsers of people; they are closed afterwards, and no page of theirs may have had an error in it."""
    folder = Path(os.environ[SCREENSHOTS]) if SCREENSHOTS in os.environ else None
    visitors = Visitors(browser, stack, folder)
    yield visitors
    await visitors.leave()
