"""An officer proposes to erase somebody; the approver sees what it would do and refuses; nothing has happened."""

import pytest
from playwright.async_api import expect

from deploy.local.stack import LocalStack
from tests.browser.officers import at_the_console
from tests.browser.test_officer_withdrawal import ask_every_store, find_by_phone, propose
from tests.browser.visitors import Visitors, assert_accessible
from tests.e2e.world import World, somebody

pytestmark = pytest.mark.e2e


async def test_an_approver_refuses(visitors: Visitors, stack: LocalStack, world: World) -> None:
    person = somebody("mistaken", 540)
    order = await world.place(person)
    await world.parcel_of(order)
    officer = await at_the_console(visitors, stack, "officer", language="en")
    await find_by_phone(officer.page, person.phone)
    await ask_every_store(officer.page)
    proposal = await propose(officer.page, "mailbox")
    before = await world.records_of(order.subject_id)

    approver = await at_the_console(visitors, stack, "approver", language="kk")
    await approver.goto("/console/proposals")
    await approver.page.click(f"main a[href='{proposal}']")
    await expect(approver.page.locator("[data-collection='intake.orders']")).to_contain_text("1")
    await approver.page.select_option("#reason", "wrong_person")
    await approver.page.click("button[value=refused]")
    await expect(approver.page.get_by_role("status")).to_contain_text("Қабылданбады")
    await assert_accessible(approver.page)
    await approver.shoot("refused")

    await officer.goto("/console/proposals")
    await officer.page.click(f"main a[href='{proposal}']")
    await expect(officer.page.get_by_role("status")).to_contain_text("It is the wrong person")
    assert await world.records_of(order.subject_id) == before
    assert (await world.keyring_document(order.subject_id))["fenced_at"] is None
    assert not await world.admin["privacy"]["cases"].count_documents({"subject_id": order.subject_id})
    head = await world.privacy.get("/v1/ledger/verification")
    assert head["holds"]
