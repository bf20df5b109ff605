"""A client withdraws with an open order: sees what will happen, follows the case, which ends with the delivery."""

import re

import pytest
from playwright.async_api import expect

from tests.browser.clients import at_my_data
from tests.browser.visitors import Visitors, assert_accessible
from tests.e2e.world import World, somebody
from tests.integration.services.clients import until

pytestmark = pytest.mark.e2e
PATIENCE = 60_000  # milliseconds: the second pass waits for the key caches


async def test_the_case_waits_for_the_order_and_ends_with_its_delivery(visitors: Visitors, world: World) -> None:
    person = somebody("withdraws.here", 601)
    order = await world.parcel_of(await world.place(person))
    await world.operate(order, "hand-over")
    client = await at_my_data(visitors, world, person)
    page = client.page
    await expect(page.locator("main")).to_contain_text(person.family_name)
    await page.click("a[href='/my-data/withdraw']")
    await expect(page.locator("main")).to_contain_text(order.order_id[:8])
    await expect(page.locator("#foresight")).to_contain_text(
        "1 record waits until its order is delivered", timeout=PATIENCE
    )
    await expect(page.locator("#foresight [role=status]")).to_have_count(
        0, timeout=PATIENCE
    )  # every store has answered
    await assert_accessible(page)
    await client.shoot("withdraw")

    await page.click("form[action='/my-data/withdraw'] button")  # without the tick nothing happens
    await expect(page.locator("#agreed-error")).to_be_visible()
    await page.check("#agreed")
    await page.click("form[action='/my-data/withdraw'] button")
    await page.wait_for_url(re.compile(r"/case/[\w-]{43}$"))
    link = page.url
    for value in (person.phone, person.email, person.family_name, order.subject_id, order.order_id):
        assert value not in await page.content()
    case = page.locator("#case")
    await expect(case).to_have_attribute("data-state", "deferred", timeout=PATIENCE)
    await expect(case).to_contain_text("What the delivery of 1 order needs waits")
    await assert_accessible(page)
    await client.shoot("case-waits")
    await client.goto("/my-data")
    await page.wait_for_url("**/my-data/sign-in")  # the session ended with it

    anybody = await visitors.come("intake", language="kk")
    await anybody.page.goto(link)
    await expect(anybody.page.locator("#case")).to_have_attribute("data-state", "deferred")
    await world.operate(order, "deliver")  # and nobody loads the page again
    await expect(anybody.page.locator("#case")).to_have_attribute("data-state", "closed", timeout=PATIENCE)
    await expect(anybody.page.locator("#case")).to_contain_text("деректеріңіз жойылды")
    await assert_accessible(anybody.page)
    await anybody.shoot("case-closed")

    case_id = await anybody.page.locator("#case dd.mono").inner_text()
    closed = await world.case(case_id)
    assert (closed["channel"], closed["scope"], closed["state"]) == ("web", "all", "closed")
    assert await world.personal_paths_of(order.subject_id) == []
    left = await world.admin["intake"]["case_links"].find({"case_id": case_id}).to_list(None)
    assert [order.subject_id in repr(document) for document in left] == [False]


async def test_whoever_withdrew_cannot_sign_in_again(visitors: Visitors, world: World) -> None:
    person = somebody("withdrew.before", 602)
    order = await world.place(person)
    client = await at_my_data(visitors, world, person, by="phone")
    other = await at_my_data(visitors, world, person, by="email")
    await client.goto("/my-data/withdraw")
    await client.page.check("#agreed")
    await client.page.click("form[action='/my-data/withdraw'] button")
    await client.page.wait_for_url("**/case/*")

    async def is_restricted() -> bool:
        subject = await world.admin["intake"]["subjects"].find_one({"_id": order.subject_id})
        return subject is None or "restricted_at" in subject

    await until(is_restricted, bool)
    await other.goto("/my-data")  # signed in before, in another browser
    await other.page.wait_for_url("**/my-data/sign-in")
    mails = len(world.mails_to(person))
    await other.page.fill("#contact", person.email)
    await other.page.click("form[action='/my-data/sign-in'] button")
    await other.page.wait_for_url("**/my-data/code")  # as for anybody else
    assert len([mail for mail in world.mails_to(person)[mails:] if mail["Message-ID"].startswith("<code-")]) == 0
