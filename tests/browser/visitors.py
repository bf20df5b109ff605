"""People with browsers: each of them has a window of some width, in light or dark, and speaks a language.

visitor = await visitors.come("intake", width=360, scheme="dark", language="ru")
await visitor.page.goto(visitor.at("/order"))
await assert_accessible(visitor.page)
await visitor.shoot("order-form")
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Page

from deploy.local.stack import LocalStack

NARROW, WIDE = 360, 1280
HEIGHT = 900
Scheme = Literal["light", "dark"]
SIZES: tuple[tuple[int, Scheme], ...] = ((NARROW, "light"), (NARROW, "dark"), (WIDE, "light"), (WIDE, "dark"))
# Each size once and each language at least once, where all twelve would say no more.
WINDOWS: tuple[tuple[int, Scheme, str], ...] = tuple(
    (width, scheme, language) for (width, scheme), language in zip(SIZES, ("kk", "ru", "en", "kk"), strict=True)
)
SERIOUS = frozenset({"serious", "critical"})
# WCAG 2.2 AA and what it builds on; what axe itself holds to be good practice is left to us.
RULES = {"runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}}


@dataclass(slots=True)
class Visitor:
    page: Page
    url: str
    name: str
    folder: Path | None
    errors: list[str] = field(default_factory=list)

    def at(self, path: str) -> str:
        return f"{self.url}{path}"

    async def goto(self, path: str) -> None:
        await self.page.goto(self.at(path))

    async def shoot(self, name: str) -> None:
        """A picture of the whole page, where pictures are wanted; the page is never wider than its window."""
        await assert_fits(self.page)
        if self.folder is not None:
            self.folder.mkdir(parents=True, exist_ok=True)
            await self.page.screenshot(path=self.folder / f"{name}-{self.name}.png", full_page=True)


class Visitors:
    def __init__(self, browser: Browser, stack: LocalStack, folder: Path | None) -> None:
        self._browser = browser
        self._stack = stack
        self._folder = folder
        self._contexts: list[BrowserContext] = []
        self._visitors: list[Visitor] = []

    async def come(
        self,
        service: str,
        *,
        width: int = WIDE,
        scheme: Scheme = "light",
        language: str = "kk",
        javascript: bool = True,
    ) -> Visitor:
        """A browser of its own: nobody else's cookies."""
        locale = {"kk": "kk-KZ", "ru": "ru-RU", "en": "en-GB"}[language]
        context = await self._browser.new_context(
            viewport={"width": width, "height": HEIGHT},
            color_scheme=scheme,
            locale=locale,
            timezone_id="Asia/Almaty",
            java_script_enabled=javascript,
            reduced_motion="reduce",
        )
        self._contexts.append(context)
        page = await context.new_page()
        url = self._stack.info.services[service].url
        visitor = Visitor(page, url, f"{width}-{scheme}-{language}", self._folder)
        page.on("console", lambda message: _note(visitor, message))
        page.on("pageerror", lambda error: visitor.errors.append(error.name or "error"))
        self._visitors.append(visitor)
        return visitor

    async def leave(self) -> None:
        """A script that the content policy refused, or one that failed, is a fault of ours."""
        for context in self._contexts:
            await context.close()
        errors = [error for visitor in self._visitors for error in visitor.errors]
        assert not errors, errors


async def assert_accessible(page: Page) -> None:
    """axe finds nothing serious. What it found is named by rule and place, never by the text there."""
    results = await Axe().run(page, options=RULES)
    found: list[Any] = results.response["violations"]
    serious = [
        (violation["id"], node["target"])
        for violation in found
        if violation["impact"] in SERIOUS
        for node in violation["nodes"]
    ]
    assert not serious, serious


async def assert_fits(page: Page) -> None:
    """Nothing makes the page scroll sideways (WCAG 1.4.10)."""
    over = await page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert over <= 0, f"{over} pixels too wide"


def _note(visitor: Visitor, message: ConsoleMessage) -> None:
    """A refused form or a page that is not there is an error to Chromium's console, and none to us."""
    if message.type == "error" and "Failed to load resource" not in message.text:
        visitor.errors.append(message.text[:200])
