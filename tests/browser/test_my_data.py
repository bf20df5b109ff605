"""A client sees, takes along and chooses on their own pages: narrow or wide, light or dark, with JavaScript or not."""

import json
import re
from pathlib import Path

import pytest
from playwright.async_api import expect

from tests.browser.clients import at_my_data, sign_in, type_contact
from tests.browser.visitors import NARROW, SIZES, Scheme, Visitors, assert_accessible
from tests.builders import values_of
from tests.e2e.world import World, somebody
from tests.integration.services.clients import until

pytestmark = pytest.mark.e2e
PATIENCE = 60_000  # milliseconds: every store is asked
LANGUAGES = ("kk", "ru", "en")


@pytest.mark.parametrize(("number", "size"), list(enumerate(SIZES)))
async def test_the_pages_are_for_everybody(
    visitors: Visitors, world: World, number: int, size: tuple[int, Scheme]
) -> None:
    person = somebody(f"my.data.{number}", 610 + number)
    await world.parcel_of(await world.place(person))
    visitor = await visitors.come("intake", width=size[0], scheme=size[1], language=LANGUAGES[number % 3])
    page = visitor.page
    await visitor.goto("/my-data/sign-in")
    await assert_accessible(page)
    await visitor.shoot("sign-in")
    await page.fill("#contact", "12-34")
    await page.click("form[action='/my-data/sign-in'] button")
    await expect(page.locator("#contact")).to_have_attribute("aria-invalid", "true")
    await expect(page.locator("#contact")).to_have_value("12-34")
    await assert_accessible(page)
    await type_contact(page, "nobody@example.kz")
    await assert_accessible(page)
    await page.fill("#code", "000000")
    await page.click("form[action='/my-data/code'] button")
    await expect(page.locator("#code-error")).to_be_visible()
    await visitor.shoot("sign-in-code")

    await sign_in(visitor, world, person)
    await expect(page.locator("#where [role=status]")).to_have_count(0, timeout=PATIENCE)  # every store has answered
    for details in await page.locator("details").all():
        await details.evaluate("it => it.open = true")
    await assert_accessible(page)
    await visitor.shoot("my-data")
    await visitor.goto("/my-data/withdraw")
    await expect(page.locator("#foresight [role=status]")).to_have_count(0, timeout=PATIENCE)
    await assert_accessible(page)
    await visitor.shoot("withdraw-foresight")


async def test_everything_is_shown_with_whoever_had_it_and_can_be_taken_along(
    visitors: Visitors, world: World, tmp_path: Path
) -> None:
    person = somebody("takes.along", 620)
    order = await world.parcel_of(await world.place(person))
    await world.operate(order, "hand-over")
    await world.messages_of(order, lambda messages: any(message["state"] == "sent" for message in messages))
    client = await at_my_data(visitors, world, person, by="phone")
    page = client.page
    shown = page.locator("main")
    for value in values_of(person):
        await expect(shown).to_contain_text("Қазақша" if value == person.language else value)
    where = page.locator("#where")
    await expect(where.get_by_role("status")).to_have_count(0, timeout=PATIENCE)
    for text in ("Parcels (1)", "Courier or post", "Your parcel was handed over", "Confirmation of an order"):
        await expect(where).to_contain_text(text)

    async with page.expect_download() as downloading:
        await page.click("a[href='/my-data/download.json']")
    path = tmp_path / "my-data.json"
    await (await downloading.value).save_as(path)
    content = json.loads(path.read_text())
    assert content["not_answered"] == []
    assert content["person"]["phone"] == [person.phone]
    assert {use["what"] for use in content["uses"]} >= {"shipment", "order_confirmation", "my_data"}
    assert content["stores"]["delivery"]["collections"]["shipments"]["deferred"] == 1

    async with page.expect_download() as downloading:
        await page.click("a[href='/my-data/download.html']")
    readable = (await downloading.value).suggested_filename
    assert readable == "my-data.html"


async def test_promotions_go_on_and_off_and_on(visitors: Visitors, world: World) -> None:
    person = somebody("chooses.promotions", 621)
    order = await world.place(person)
    client = await at_my_data(visitors, world, person)
    page = client.page

    async def heard() -> bool:
        found = await world.admin["notifications"]["subjects"].find_one({"_id": order.subject_id})
        return bool(found and found["promotions"])

    for chosen in (True, False, True):
        await page.click("form[action='/my-data/promotions'] button")
        await expect(page.locator("section[aria-labelledby=promotions]")).to_contain_text(
            "We may write to you" if chosen else "We do not write to you"
        )
        await until(heard, lambda promotions, wanted=chosen: promotions is wanted)
    await client.goto("/my-data")
    consents = page.locator("section[aria-labelledby=consents] li")
    await expect(consents).to_have_count(3)
    await expect(consents.nth(0)).not_to_contain_text("withdrawn")
    await expect(consents.nth(1)).to_contain_text("Promotions withdrawn on")


async def test_without_javascript_all_of_it_works(visitors: Visitors, world: World) -> None:
    person = somebody("no.scripts", 622)
    await world.parcel_of(await world.place(person))
    await world.stack.stop("delivery")
    client = await at_my_data(visitors, world, person, width=NARROW, language="ru", javascript=False)
    page = client.page
    await expect(page.locator("main")).to_contain_text(person.phone)
    again = page.locator("#where a[href*='inspection=']")
    await again.click()
    await page.wait_for_url(re.compile("inspection="))
    await world.stack.start("delivery")

    async def looked_again() -> int:
        """From the same address to the same address, as often as it takes."""
        async with page.expect_navigation():
            await again.click()
        return await page.locator("#where [role=status]").count()

    await until(looked_again, lambda missing: missing == 0)
    await expect(page.locator("#where")).to_contain_text("Посылки (1)")
    await page.click("form[action='/my-data/promotions'] button")
    await expect(page.locator("main")).to_contain_text("Мы можем писать вам об акциях")
    await client.goto("/my-data/withdraw")
    await page.check("#agreed")
    await page.click("form[action='/my-data/withdraw'] button")
    await page.wait_for_url(re.compile("/case/"))

    async def state() -> str | None:
        await page.click("#case a")
        return await page.locator("#case").get_attribute("data-state")

    await until(state, lambda now: now == "deferred")
    await expect(page.locator("#case")).to_contain_text("ждёт его вручения")
