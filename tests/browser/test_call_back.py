"""A person asks to be called, an operator calls them, and nothing of it is left."""

import asyncio

import pytest
from playwright.async_api import expect

from deploy.local.stack import LocalStack
from shared.stores.keyring_view import DATABASE, PEOPLE, SUBJECTS
from shared.stores.mongo import Client, connect
from tests.browser.visitors import NARROW, WINDOWS, Scheme, Visitor, Visitors, assert_accessible

pytestmark = pytest.mark.e2e

PATIENCE_SECONDS = 60
NOTICES = {
    "kk": "Деректеріңізді көрсетіңіз және біздің оператор жеткізу мәліметтерін нақтылау үшін сізге қоңырау шалады",
    "ru": "Укажите ваши данные и наш оператор перезвонит вам для уточнения деталей",
    "en": "Enter your details and our operator will call you to clarify the delivery details",
}


async def ask(visitor: Visitor, name: str, phone: str) -> None:
    await visitor.goto("/call-back")
    await visitor.page.fill("#given_name", name)
    await visitor.page.fill("#phone", phone)
    await visitor.page.click("main form button")


async def at_the_queue(visitors: Visitors, stack: LocalStack, **window: str) -> Visitor:
    operator = await visitors.come("intake", **window)  # type: ignore[arg-type]
    await operator.goto("/operator/call-backs")
    await operator.page.fill("#token", stack.info.tokens.operator)
    await operator.page.click("main form button")
    await operator.page.wait_for_url("**/operator/call-backs")
    return operator


async def subject_of(client: Client, call_backs_before: set[str]) -> str:
    """Of the request that is new."""
    new = [d async for d in client["intake"]["call_backs"].find({}) if d["_id"] not in call_backs_before]
    (document,) = new
    return str(document["subject_id"])


@pytest.mark.parametrize(("width", "scheme", "language"), WINDOWS)
async def test_the_pages_can_be_used_in_every_language(
    visitors: Visitors, stack: LocalStack, width: int, scheme: Scheme, language: str
) -> None:
    visitor = await visitors.come("intake", width=width, scheme=scheme, language=language)
    page = visitor.page
    await ask(visitor, "", "12")
    await expect(page.locator("#notice")).to_contain_text(NOTICES[language])
    await expect(page.locator("#phone-error")).to_be_visible()
    await assert_accessible(page)
    await visitor.shoot("call-back-errors")
    await visitor.goto("/call-back")
    await visitor.shoot("call-back")
    await ask(visitor, "Ерғазы", "8 700 500 20 01")
    await page.wait_for_url("**/call-back/asked")
    await assert_accessible(page)
    await visitor.shoot("call-back-asked")
    await visitor.goto("/operator/sign-in")
    await assert_accessible(page)
    await page.fill("#token", stack.info.tokens.operator)
    await page.click("main form button")
    await expect(page.get_by_role("heading", name="Ерғазы")).to_be_visible()
    await assert_accessible(page)
    await visitor.shoot("operator-call-backs")


async def test_who_only_asked_for_a_call_is_forgotten_once_called(visitors: Visitors, stack: LocalStack) -> None:
    client = connect(stack.info.mongodb.uri, service="test")
    before = {document["_id"] async for document in client["intake"]["call_backs"].find({}, {"_id": 1})}
    visitor = await visitors.come("intake", width=NARROW, language="ru", javascript=False)
    await ask(visitor, "Жаңылсын", "8 700 500 20 02")
    await expect(visitor.page.get_by_role("heading", level=1)).to_have_text("Мы вам перезвоним")
    subject_id = await subject_of(client, before)

    operator = await at_the_queue(visitors, stack, language="ru")
    card = operator.page.locator("section.card", has_text="Жаңылсын")
    await expect(card).to_contain_text("+77005002002")
    await card.get_by_role("button", name="Не удалось дозвониться").click()
    await expect(card).to_contain_text("1 раз, последний")
    await card.get_by_role("button", name="Позвонили: уничтожить заявку").click()
    await expect(operator.page.get_by_role("status")).to_have_text("Готово: заявка уничтожена.")
    assert await card.count() == 0

    async with asyncio.timeout(PATIENCE_SECONDS):
        while (await client[DATABASE][SUBJECTS].find_one({"_id": subject_id}) or {}).get("keys"):
            await asyncio.sleep(0.2)
    assert await client[DATABASE][PEOPLE].count_documents({"subject_id": subject_id}) == 0
    assert await client["intake"]["subjects"].count_documents({"_id": subject_id}) == 0
    case = await client["privacy"]["cases"].find_one({"subject_id": subject_id})
    assert case is not None
    assert (case["channel"], case["scope"]) == ("expired", "all")
    client.close()


async def test_a_script_in_a_name_is_refused_and_stays_text(visitors: Visitors, stack: LocalStack) -> None:
    visitor = await visitors.come("intake", language="en")
    attack = "<script>alert(1)</script>"
    await ask(visitor, attack, "8 700 500 20 03")
    await expect(visitor.page.locator("#given_name-error")).to_be_visible()
    assert await visitor.page.input_value("#given_name") == attack
    assert await visitor.page.locator("main script").count() == 0


async def test_the_queue_is_closed_to_everybody_else(visitors: Visitors) -> None:
    visitor = await visitors.come("intake", language="en")
    await visitor.goto("/operator/call-backs")
    assert visitor.page.url.endswith("/operator/sign-in")
    await visitor.page.fill("#token", "a guess")
    await visitor.page.click("main form button")
    await expect(visitor.page.locator("#token-error")).to_be_visible()
    await visitor.goto("/operator/call-backs")
    assert visitor.page.url.endswith("/operator/sign-in")
