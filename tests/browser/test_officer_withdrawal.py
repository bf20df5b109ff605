"""An officer runs a withdrawal from request to certificate: preview, approval of another, progress, PDF and JSON."""

import json
import re

import pytest
from playwright.async_api import Page, expect

from deploy.local.stack import LocalStack
from services.privacy.verify_certificate import failures
from shared.stores.receipts import PublicKeys
from tests.browser.officers import at_the_console
from tests.browser.visitors import SIZES, Scheme, Visitors, assert_accessible
from tests.e2e.world import World, somebody
from tests.unit.privacy.pdf_text import text_of

pytestmark = pytest.mark.e2e
PATIENCE = 60_000  # milliseconds: the second pass waits for the key caches


async def find_by_phone(page: Page, phone: str) -> None:
    await page.goto(page.url.split("/console")[0] + "/console/find")
    await page.fill("#value", phone)
    await page.select_option("#reason", "withdrawal")
    await page.click("main button[type=submit]")
    await page.wait_for_url("**/console/people/*")


async def ask_every_store(page: Page) -> None:
    """The preview, once every store has answered."""
    await page.click("form[action$='/inspections'] button")
    await expect(page.locator("section[aria-labelledby=withdraw]")).to_be_visible(timeout=PATIENCE)


async def propose(page: Page, channel: str = "phone") -> str:
    """Address of the proposal."""
    await page.select_option("#channel", channel)
    await page.click("section[aria-labelledby=withdraw] button[type=submit]")
    await page.wait_for_url("**/console/proposals/*")
    return re.sub(r"^https?://[^/]+", "", page.url)


async def test_from_the_request_to_the_certificate(visitors: Visitors, stack: LocalStack, world: World) -> None:
    person = somebody("zhanar", 501)
    order = await world.parcel_of(await world.place(person))
    await world.operate(order, "hand-over")
    officer = await at_the_console(visitors, stack, "officer", language="en")
    page = officer.page
    await assert_accessible(page)
    await find_by_phone(page, person.phone)
    await ask_every_store(page)
    await expect(page.locator("[data-collection='intake.orders']")).to_contain_text("1")
    await expect(page.locator("main")).to_contain_text(order.order_id)  # what the erasure will wait for
    await officer.shoot("preview")
    proposal = await propose(page)
    await expect(page.get_by_role("status")).to_contain_text("Waits for an approver")
    assert not await page.locator("button[value=approved]").count()  # not one's own

    approver = await at_the_console(visitors, stack, "approver", language="ru")
    await expect(approver.page.locator("main")).to_contain_text("1 предложение ждёт вашего решения")
    await approver.goto(proposal)
    await assert_accessible(approver.page)
    await approver.shoot("proposal")
    await approver.page.click("button[value=approved]")
    await approver.page.click("main a.button[href^='/console/cases/']")

    await officer.goto(proposal)
    await page.click("main a.button[href^='/console/cases/']")
    await expect(page.get_by_role("status")).to_contain_text("Waits for an order", timeout=PATIENCE)
    await assert_accessible(page)
    await officer.shoot("case-waits")
    await world.operate(order, "deliver")  # and nobody reloads the page
    await expect(page.get_by_role("status")).to_contain_text("Closed", timeout=PATIENCE)
    for store in ("intake", "delivery", "notifications", "privacy"):
        await expect(page.locator(f"[data-store={store}]")).to_contain_text("answered")
    await assert_accessible(page)
    await officer.shoot("case-closed")
    await expect(approver.page.get_by_role("status")).to_contain_text("Закрыто", timeout=PATIENCE)

    async with page.expect_download() as downloading:
        await page.click("a[href$='certificate.json']")
    certificate = json.loads((await (await downloading.value).path()).read_text())
    assert failures(certificate, PublicKeys.from_folder(stack.layout.keys / "public")) == []
    async with page.expect_download() as downloading:
        await page.click("a[href$='certificate.pdf']")
    assert certificate["case_id"] in text_of((await (await downloading.value).path()).read_bytes())
    assert person.phone not in page.url


@pytest.mark.parametrize(("width", "scheme"), SIZES)
async def test_its_pages_are_for_everybody(
    visitors: Visitors, stack: LocalStack, world: World, width: int, scheme: Scheme
) -> None:
    person = somebody(f"sizes{width}{scheme}", 510 + width % 7 + len(scheme))
    await world.place(person)
    officer = await at_the_console(visitors, stack, "officer", width=width, scheme=scheme, language="kk")
    await officer.goto("/console/find")
    await find_by_phone(officer.page, person.phone)
    await officer.shoot("person")
    await ask_every_store(officer.page)
    await assert_accessible(officer.page)
    await officer.shoot("preview")
    await propose(officer.page)
    for name, path in {
        "overview": "/console", "cases": "/console/cases?view=all", "find": "/console/find",
        "proposals": "/console/proposals",
    }.items():  # fmt: skip
        await officer.goto(path)
        await assert_accessible(officer.page)
        await officer.shoot(name)
    await officer.page.click("form[action='/console/sign-in/out'] button")
    await assert_accessible(officer.page)
    await officer.shoot("sign-in")


async def test_without_javascript_it_works_too(visitors: Visitors, stack: LocalStack, world: World) -> None:
    person = somebody("plain", 530)
    await world.place(person)
    officer = await at_the_console(visitors, stack, "officer", language="en", javascript=False)
    await find_by_phone(officer.page, person.phone)
    await officer.page.click("form[action$='/inspections'] button")
    while not await officer.page.locator("section[aria-labelledby=withdraw]").count():
        await officer.page.reload()
    await officer.page.check("input[value=promotions]")
    await officer.page.select_option("#channel", "letter")
    await officer.page.click("section[aria-labelledby=withdraw] button[type=submit]")
    await officer.page.wait_for_url("**/console/cases/*")
    while "Closed" not in await officer.page.get_by_role("status").inner_text():
        await officer.page.reload()
