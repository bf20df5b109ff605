"""A person orders in a browser: in three languages, on a phone and a screen, in light and dark, without JavaScript."""

import re

import pytest
from playwright.async_api import Page, expect

from deploy.local.stack import LocalStack
from shared.policy.load import load_policy
from tests.browser.visitors import NARROW, WINDOWS, Scheme, Visitors, assert_accessible
from tests.e2e.world import Order, World

pytestmark = pytest.mark.e2e

PERSON = {
    "family_name": "Әбілқайырұлы",
    "given_name": "Ерғазы",
    "phone": "8 (700) 500-10-01",
    "email": "order.form@example.kz",
    "delivery_locality": "Көкбұлақ ауылы",
    "delivery_line": "Ойдан шығарылған к., 17",
    "item-0-title": "Қыш құмыра",
    "item-0-price_kzt": "4500",
}


async def fill(page: Page, **changes: str) -> None:
    for name, value in {**PERSON, **changes}.items():
        await page.fill(f"[id='{name}']", value)


async def place(page: Page) -> None:
    await page.get_by_role("button").and_(page.locator("main form .button[value=place]")).click()


async def order_number(page: Page) -> str:
    """The order's id, from the address of the thank-you page."""
    await page.wait_for_url("**/order/placed/*")
    return page.url.rpartition("/")[2]


@pytest.mark.parametrize(("width", "scheme", "language"), WINDOWS)
async def test_every_page_can_be_used_in_every_language(
    visitors: Visitors, width: int, scheme: Scheme, language: str
) -> None:
    visitor = await visitors.come("intake", width=width, scheme=scheme, language=language)
    version = load_policy().versions[0].version
    for name, path in {"start": "/", "order": "/order", "policy": f"/policy/{version}/{language}"}.items():
        await visitor.goto(path)
        assert await visitor.page.get_attribute("html", "lang") == language
        await assert_accessible(visitor.page)
        await visitor.shoot(name)
    await visitor.goto("/order")
    await visitor.page.locator("details").evaluate_all("all => all.forEach(one => { one.open = true })")
    await place(visitor.page)
    await expect(visitor.page.get_by_role("alert")).to_be_visible()
    await assert_accessible(visitor.page)
    await visitor.shoot("order-errors")


async def test_an_order_from_first_look_to_its_messages(visitors: Visitors, world: World) -> None:
    visitor = await visitors.come("intake", width=NARROW, language="kk")
    page = visitor.page
    await visitor.goto("/")
    await page.get_by_role("main").get_by_role("link", name="Тапсырыс", exact=True).click()
    await fill(page)
    await page.get_by_role("button", name="Тағы бір тауар қосу").click()
    await expect(page.locator("[id='item-1-title']")).to_be_focused()
    await page.fill("[id='item-1-title']", "Кесе")
    await page.fill("[id='item-1-price_kzt']", "700")
    assert await page.input_value("#family_name") == PERSON["family_name"]
    await page.check("input[name=payment][value=on_delivery]")
    await place(page)  # without consent
    await expect(page.locator("#consent-error")).to_be_visible()
    assert await page.input_value("[id='item-1-title']") == "Кесе"
    await page.locator("summary", has_text="Келісетін мәтінді оқу").click()
    await expect(page.get_by_text(load_policy().versions[0].consent_text["kk"])).to_be_visible()
    await page.check("#consent")
    assert not await page.is_checked("#promotions")
    await place(page)
    order_id = await order_number(page)
    await expect(page.locator("main")).to_contain_text(order_id[:8].upper())
    await assert_accessible(page)
    await visitor.shoot("order-placed")
    await world.parcel_of(Order(order_id, ""))  # delivery has heard of it


async def test_an_order_without_javascript(visitors: Visitors) -> None:
    visitor = await visitors.come("intake", width=NARROW, language="ru", javascript=False)
    page = visitor.page
    await visitor.goto("/order")
    await fill(page, phone="7 700 500 10 02", email="no.script@example.kz", delivery_postcode="050000")
    await page.get_by_role("button", name="Добавить ещё один товар").click()
    await page.fill("[id='item-1-title']", "Кесе")
    await page.fill("[id='item-1-price_kzt']", "дорого")
    await page.check("input[name=payment][value=prepaid]")
    await page.check("#consent")
    await page.check("#promotions")
    await place(page)
    await expect(page.locator("[id='item-1-price_kzt-error']")).to_contain_text("нужно целое число")
    for box in ("#consent", "#promotions", "input[name=payment][value=prepaid]"):
        assert await page.is_checked(box), box
    assert await page.input_value("#delivery_postcode") == "050000"
    await page.get_by_role("button", name="Убрать товар 2").click()
    assert await page.locator("[id='item-1-title']").count() == 0
    await place(page)
    assert re.fullmatch(r"[0-9a-f]{32}", await order_number(page))


async def test_sending_the_form_twice_is_one_order(visitors: Visitors, stack: LocalStack) -> None:
    visitor = await visitors.come("intake", language="en")
    page = visitor.page
    await visitor.goto("/order")
    await fill(page, phone="+7 700 500 10 03", email="twice@example.kz")
    await page.check("input[name=payment][value=on_delivery]")
    await page.check("#consent")
    await place(page)
    first = await order_number(page)
    await page.go_back()
    await place(page)
    assert await order_number(page) == first


async def test_enter_places_the_order_and_removes_nothing(visitors: Visitors) -> None:
    visitor = await visitors.come("intake", language="en")
    page = visitor.page
    await visitor.goto("/order")
    await fill(page, phone="+7 700 500 10 04", email="enter@example.kz")
    await page.get_by_role("button", name="Add another item").click()
    await expect(page.locator("[id='item-1-title']")).to_be_focused()
    await page.check("input[name=payment][value=on_delivery]")
    await page.check("#consent")
    await page.locator("#given_name").press("Enter")
    await order_number(page)


async def test_a_script_in_a_field_stays_text(visitors: Visitors) -> None:
    """Chromium tells of every dialog and every script the content policy refused; nobody may have seen one."""
    visitor = await visitors.come("intake", language="en")
    page = visitor.page
    dialogs: list[str] = []
    page.on("dialog", lambda dialog: dialogs.append(dialog.type))
    attack = '"><script>alert(1)</script><img src=x onerror=alert(2)>'
    await visitor.goto("/order")
    for name in PERSON:
        await page.locator(f"[id='{name}']").evaluate(
            "(field, value) => { field.removeAttribute('maxlength'); field.value = value }", attack
        )
    await place(page)
    await expect(page.get_by_role("alert")).to_be_visible()
    assert await page.input_value("#given_name") == attack
    assert await page.locator("main script, main img").count() == 0
    assert dialogs == []
