"""People who sign in to their own data: the code is read where it went, from the phone or the mailbox."""

import re

from playwright.async_api import Page

from deploy.local.outside import jsonl
from shared.contracts.personal import PersonalData
from tests.browser.visitors import Scheme, Visitor, Visitors
from tests.e2e.world import World
from tests.integration.services.clients import until

SIX_DIGITS = re.compile(r"\b(\d{6})\b")


def codes_by_sms(world: World, phone: str) -> list[str]:
    """Oldest first."""
    lines = jsonl.read(world.stack.layout.sms_log)
    return [found[1] for line in lines if line["to"] == phone and (found := SIX_DIGITS.search(line["text"]))]


def codes_by_mail(world: World, person: PersonalData) -> list[str]:
    """Oldest first."""
    bodies = [mail.get_content() for mail in world.mails_to(person) if mail["Message-ID"].startswith("<code-")]
    return [found[1] for body in bodies if (found := SIX_DIGITS.search(body))]


async def type_contact(page: Page, contact: str) -> None:
    await page.fill("#contact", contact)
    await page.click("form[action='/my-data/sign-in'] button")
    await page.wait_for_url("**/my-data/code")


async def type_code(page: Page, code: str) -> None:
    await page.fill("#code", code)
    await page.click("form[action='/my-data/code'] button")


async def sign_in(visitor: Visitor, world: World, person: PersonalData, *, by: str = "email") -> None:
    """With a new code, to my data."""

    async def codes() -> list[str]:
        return codes_by_mail(world, person) if by == "email" else codes_by_sms(world, person.phone)

    known = len(await codes())
    await visitor.goto("/my-data/sign-in")
    await type_contact(visitor.page, person.email if by == "email" else person.phone)
    await type_code(visitor.page, (await until(codes, lambda found: len(found) > known))[-1])
    await visitor.page.wait_for_url("**/my-data")


async def at_my_data(
    visitors: Visitors,
    world: World,
    person: PersonalData,
    *,
    by: str = "email",
    width: int = 360,
    scheme: Scheme = "light",
    language: str = "en",
    javascript: bool = True,
) -> Visitor:
    """A browser of the person's own, signed in."""
    visitor = await visitors.come("intake", width=width, scheme=scheme, language=language, javascript=javascript)
    await sign_in(visitor, world, person, by=by)
    return visitor
