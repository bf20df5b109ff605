"""The console's registers and pictures, as an officer and an approver see them."""

import asyncio
import csv
import io
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer
from playwright.async_api import Page, expect

from deploy.local.stack import LocalStack
from services.privacy.console.policy_record_store import COLLECTION as POLICIES
from services.privacy.console.policy_rows import rows_of
from shared.contracts.store_samples import CollectionSample, StoreSampled
from shared.messaging.cloudevents import Outgoing, headers_of, new_id
from shared.policy.load import load_policy
from shared.policy.matrix import matrix
from tests.browser.officers import at_the_console
from tests.browser.visitors import NARROW, WIDE, WINDOWS, Scheme, Visitor, Visitors, assert_accessible
from tests.e2e.world import World, somebody
from tests.integration.services.clients import until
from tests.unit.policy.a_policy import a_policy

pytestmark = pytest.mark.e2e

POLICY = load_policy()
REGISTERS = ("", "/policy", "/policy/versions/2026-01", "/stores", "/disclosures")
BODY, DOCUMENT = "Қиялдағы аудандық сот", "7512-26-00-2/345"


async def look(visitor: Visitor, path: str, picture: str) -> None:
    await visitor.goto(f"/console{path}")
    await assert_accessible(visitor.page)
    await visitor.shoot(picture)


@pytest.mark.parametrize(("width", "scheme", "language"), WINDOWS)
async def test_registers_can_be_read_on_every_screen(
    visitors: Visitors, stack: LocalStack, width: int, scheme: Scheme, language: str
) -> None:
    approver = await at_the_console(visitors, stack, "approver", width=width, scheme=scheme, language=language)
    for path in REGISTERS:
        await look(approver, path, f"register{path.replace('/', '-')}")


async def test_matrix_on_the_page_is_the_policy_s(visitors: Visitors, stack: LocalStack) -> None:
    officer = await at_the_console(visitors, stack, "officer", language="en")
    await officer.goto("/console/policy")
    shown = set()
    for row in await officer.page.locator("tr[data-field]").all():
        for cell in await row.locator("td[data-reader]").all():
            name, reader = await row.get_attribute("data-field"), await cell.get_attribute("data-reader")
            shown |= {(name, reader, purpose) for purpose in await cell.locator("a").all_inner_texts()}
    assert shown == {(row.field, row.reader, row.purpose) for row in matrix(POLICY) if row.allowed}


@pytest.fixture
async def another_policy(world: World) -> AsyncIterator[None]:
    """As if the service had run since noon under a policy that lets delivery have no phone."""
    policies = world.admin["privacy"][POLICIES]
    rows = rows_of(a_policy(lambda rows: rows["fields"]["phone"]["grants"].pop("delivery")))
    document = {"_id": 2, "sha256": "0" * 64, "version": "2026-01", "since": datetime.now(UTC)}
    await policies.insert_one({**document, "rows": [{"row": row, "is": value} for row, value in rows.items()]})
    yield
    await policies.delete_one({"_id": 2})


async def test_a_grant_that_was_taken_away_shows_with_its_day(
    visitors: Visitors, stack: LocalStack, another_policy: None
) -> None:
    officer = await at_the_console(visitors, stack, "officer", width=NARROW, language="en")
    await officer.goto("/console/policy")
    await officer.page.get_by_role("link", name="1 row changed").click()
    rows = officer.page.locator("tbody tr")
    await expect(rows).to_have_count(1)
    await expect(rows).to_contain_text("fields.phone.grants.delivery")
    await expect(rows.locator("del")).to_have_text("3.2.3")
    await expect(rows).to_contain_text("no such row")
    await assert_accessible(officer.page)
    await officer.shoot("policy-changes")


async def tell(stack: LocalStack, sample: StoreSampled) -> None:
    producer = AIOKafkaProducer(**stack.info.kafka.address.client_options(), enable_idempotence=False)
    await producer.start()
    try:
        outgoing = Outgoing(sample, new_id(), sample.sampled_at)
        headers = [(name, value.encode()) for name, value in headers_of(outgoing, sample.store).items()]
        value = sample.model_dump_json().encode()
        await producer.send_and_wait(sample.TOPIC, value, key=outgoing.key.encode(), headers=headers)
    finally:
        await producer.stop()


async def until_shown(page: Page, selector: str, text: str) -> None:
    """Reload until it is there: a register shows what has arrived."""

    async def shown() -> str:
        await page.reload()
        return await page.locator(selector).inner_text()

    await until(shown, lambda found: text in found)


async def test_every_store_tells_of_itself_and_drift_is_seen(visitors: Visitors, stack: LocalStack) -> None:
    officer = await at_the_console(visitors, stack, "officer", width=WIDE, language="en")
    page = officer.page
    await officer.goto("/console/stores")
    for store in POLICY.erasing_stores:
        await until_shown(page, f"section[data-store={store}]", "all described")
    strange = CollectionSample(documents=42, sampled=42, unknown_fields={"note": 3})
    told = StoreSampled(
        store="notifications",
        sampled_at=datetime.now(UTC),
        policy_sha256=POLICY.digest,
        collections={"messages": strange},
        unmapped=("baskets",),
    )
    await tell(stack, told)
    section = "section[data-store=notifications]"
    await until_shown(page, section, "holds what the policy does not describe")
    await expect(page.locator(f"{section} tr[data-collection=messages]")).to_contain_text("note in 3 documents")
    await expect(page.locator(section)).to_contain_text("baskets")
    await assert_accessible(page)
    await officer.shoot("drift")


async def test_what_couriers_were_told_is_on_the_register_and_in_a_file_without_ids(
    visitors: Visitors, stack: LocalStack, world: World
) -> None:
    order = await world.parcel_of(await world.place(somebody("parcel.register", 630)))
    await world.operate(order, "hand-over")
    officer = await at_the_console(visitors, stack, "officer", language="en")
    page = officer.page
    await officer.goto("/console/disclosures")
    await until_shown(page, "main", order.subject_id[:8])
    await expect(page.locator("tbody tr", has_text=order.subject_id[:8])).to_contain_text("Phone")
    await page.select_option("#recipient", "state_bodies")
    await page.click("main form button")
    await expect(page.locator("main")).not_to_contain_text(order.subject_id[:8])
    await page.select_option("#recipient", "courier_partner")
    await page.fill("#until", "2026-01-01")
    await page.click("main form button")
    await expect(page.locator("main")).to_contain_text("No disclosure here.")
    await page.fill("#until", "")
    await page.click("main form button")
    async with page.expect_download() as downloading:
        await page.click("main form a")
    text = await asyncio.to_thread(Path(await (await downloading.value).path()).read_text)
    lines = list(csv.DictReader(io.StringIO(text)))
    assert {line["recipient"] for line in lines} == {"courier_partner"}
    assert "phone" in lines[0]["fields"].split()
    assert not [an_id for an_id in (order.subject_id, order.order_id, order.shipment_id) if an_id in text]


async def test_a_state_body_s_demand_takes_an_approver(visitors: Visitors, stack: LocalStack, world: World) -> None:
    person = somebody("demanded", 631)
    order = await world.parcel_of(await world.place(person))
    officer = await at_the_console(visitors, stack, "officer", width=NARROW, scheme="dark", language="en")
    page = officer.page
    await officer.goto(f"/console/people/{order.subject_id}")
    await page.get_by_role("link", name="Put a state body's demand on record").click()
    form = page.url.removeprefix(officer.url)
    await page.fill("#body", BODY)
    await page.check("input[value=court]")
    await page.fill("#article", "АПК 73-бап")
    await page.fill("#document", str(person.phone))
    await page.fill("#document_date", "2026-03-02")
    await page.check("input[value=delivery_address]")
    await page.click("main form button")
    await expect(page.locator("#document-error")).to_be_visible()
    await expect(page.locator("#body")).to_have_value(BODY)  # nothing typed is lost
    await expect(page.locator("input[value=delivery_address]")).to_be_checked()
    await assert_accessible(page)
    await officer.shoot("state-demand")
    await page.fill("#document", DOCUMENT)
    await page.click("main form button")
    await expect(page.get_by_role("status")).to_contain_text("Waits for an approver")
    assert not await page.locator("button[value=approved]").count()  # not one's own
    proposal = page.url.removeprefix(officer.url)

    approver = await at_the_console(visitors, stack, "approver", language="ru")
    answer = await approver.page.goto(approver.at(form))
    assert answer is not None
    assert answer.status == 403
    await approver.goto(proposal)
    await expect(approver.page.locator("main")).to_contain_text(DOCUMENT)
    await assert_accessible(approver.page)
    await approver.page.click("button[value=approved]")
    await approver.goto("/console/disclosures?recipient=state_bodies")
    line = approver.page.locator("tbody tr", has_text=BODY)
    await expect(line).to_contain_text("Адрес доставки")
    await expect(line).to_contain_text(DOCUMENT)
    await approver.shoot("state-disclosed")


async def test_pictures_show_how_far_a_case_is_and_what_was_erased(
    visitors: Visitors, stack: LocalStack, world: World
) -> None:
    person = somebody("pictured", 632)
    order = await world.parcel_of(await world.place(person))
    await world.operate(order, "hand-over")
    case_id = await world.withdraw(phone=str(person.phone))
    await world.case(case_id, "deferred")
    officer = await at_the_console(visitors, stack, "officer", width=NARROW, language="en")
    page = officer.page
    await look(officer, f"/cases/{case_id}", "fan-out-waits")
    # Delivery keeps the parcel's record, intake whose order it is.
    await expect(page.locator("#fan-out .store[data-state=kept_for_order]")).to_have_count(2)
    await officer.goto("/console")
    await expect(page.locator("#deadlines-ahead svg")).to_be_visible()
    await world.operate(order, "deliver")
    await world.case(case_id)
    await look(officer, f"/cases/{case_id}", "fan-out-erased")
    await expect(page.locator("#fan-out .store[data-state=erased]")).to_have_count(4)
    await look(officer, "", "pictures")
    for picture in ("cases-per-day", "erased-per-day"):
        await page.locator(f"#{picture} summary").click()
        numbers = await page.locator(f"#{picture}-table tr:last-child td").all_inner_texts()
        assert all(int(number.replace(",", "")) >= 1 for number in numbers), picture  # received and closed today
        assert await page.locator(f"#{picture} rect[width]").count() >= len(numbers)
