"""A client corrects the phone number while the parcel is on its way: whoever needs the number has the new one."""

import pytest
from playwright.async_api import expect

from deploy.local.outside import jsonl
from tests.browser.clients import at_my_data, codes_by_sms, sign_in
from tests.browser.visitors import SIZES, Scheme, Visitors, assert_accessible
from tests.e2e.world import Order, World, somebody
from tests.integration.services.clients import until

pytestmark = pytest.mark.e2e
NEW = "+77000000791"


async def texted(world: World, phone: str) -> int:
    """How many messages but codes went to the number."""
    lines = jsonl.read(world.stack.layout.sms_log)
    return len([line for line in lines if line["to"] == phone and not line["key"].startswith("code-")])


async def phone_at_the_partner(world: World, order: Order) -> str:
    (waybill,) = world.waybills_of(order)
    return str(waybill["fields"].get("phone"))


async def untold(world: World, order: Order) -> list[str]:
    """Names of corrected fields that the courier partner does not know yet, once delivery has the correction."""
    (shipment,) = (await world.delivery.get("/v1/shipments", order_id=order.order_id))["shipments"]
    document = await world.admin["delivery"]["shipments"].find_one({"_id": order.shipment_id, "sequence": 1})
    return list(shipment["untold"]) if document else ["not taken yet"]


async def test_the_new_number_is_the_courier_s_and_ours(visitors: Visitors, world: World) -> None:
    person = somebody("corrects.here", 701, language="en")
    order = await world.parcel_of(await world.place(person))
    await world.operate(order, "hand-over")
    await until(lambda: texted(world, person.phone), lambda count: count == 1)
    assert await phone_at_the_partner(world, order) == person.phone

    client = await at_my_data(visitors, world, person, by="phone")
    page = client.page
    await page.click("a[href='/my-data/correct/phone']")
    await expect(page.locator("#phone")).to_have_value(person.phone)
    await assert_accessible(page)
    await client.shoot("correct-phone")

    await page.fill("#phone", "12-34")  # what breaks a rule is said beside the field, and stays there
    await page.click("main form button")
    await expect(page.locator("#phone-error")).to_be_visible()
    await expect(page.locator("#phone")).to_have_value("12-34")
    await assert_accessible(page)
    await client.shoot("correct-phone-error")

    await page.fill("#phone", f"8 {NEW[2:]}")
    await page.click("main form button")
    await expect(page.locator("main")).to_contain_text(NEW)
    (code,) = await until(lambda: new_codes(world), bool)
    await assert_accessible(page)
    await client.shoot("correct-code")
    assert await phone_at_the_partner(world, order) == person.phone, "nothing before the code has come back"
    await page.fill("#code", code)
    await page.click("main form button")
    await page.wait_for_url("**/my-data#history")
    history = page.locator("section[aria-labelledby=history]")
    await expect(history.locator("del")).to_have_text(person.phone)
    await expect(history.locator("ins")).to_have_text(NEW)
    await assert_accessible(page)
    await client.shoot("my-data-history")

    await until(lambda: untold(world, order), lambda names: names == [])
    assert await phone_at_the_partner(world, order) == NEW
    await client.goto("/my-data")  # every store is asked anew
    await expect(page.locator("#where")).to_contain_text("The courier was told what you corrected", timeout=60_000)
    await world.operate(order, "deliver")
    await until(lambda: texted(world, NEW), lambda count: count == 1)
    assert await texted(world, person.phone) == 1, "only what was sent before"

    await page.click("form[action='/my-data/sign-out'] button")
    await sign_in(client, world, person.model_copy(update={"phone": NEW}), by="phone")
    await expect(page.locator("main")).to_contain_text(person.family_name)


async def new_codes(world: World) -> list[str]:
    return codes_by_sms(world, NEW)


@pytest.mark.parametrize(("width", "scheme"), SIZES)
async def test_every_form_is_for_everybody(visitors: Visitors, world: World, width: int, scheme: Scheme) -> None:
    number = 702 + SIZES.index((width, scheme))
    order = await world.place(somebody(f"forms.{number}", number))
    language = {702: "kk", 703: "ru", 704: "kk", 705: "ru"}[number]
    person = somebody(f"forms.{number}", number)
    client = await at_my_data(visitors, world, person, width=width, scheme=scheme, language=language)
    paths = ["family_name", "patronymic", "residence", "language", f"delivery_address/{order.order_id}"]
    for path in paths:
        await client.goto(f"/my-data/correct/{path}")
        await expect(client.page.locator("main form")).to_be_visible()
        await assert_accessible(client.page)
        await client.shoot(f"correct-{path.partition('/')[0].replace('_', '-')}")


async def test_without_javascript(visitors: Visitors, world: World) -> None:
    person = somebody("corrects.plainly", 706)
    order = await world.parcel_of(await world.place(person))
    client = await at_my_data(visitors, world, person, javascript=False)
    await client.page.click(f"a[href='/my-data/correct/delivery_address/{order.order_id}']")
    await client.page.fill("#line", "Жаңа көше, 7")
    await client.page.click("main form button")
    await client.page.wait_for_url("**/my-data#history")
    await expect(client.page.locator("section[aria-labelledby=history] ins")).to_contain_text("Жаңа көше, 7")
    await world.operate(order, "hand-over")
    (waybill,) = world.waybills_of(order)
    assert waybill["fields"]["delivery_address"]["line"] == "Жаңа көше, 7"
