"""The order form: what a browser sends becomes one order, and whatever is wrong, nothing typed is lost."""

import asyncio
import html
import itertools
import re

import pytest
from pymongo.errors import AutoReconnect

from services.intake.order import Outcome, Wanted
from shared.sealing.opener import Sealed
from tests.integration.intake.a_front import a_browser, error_at, typed_order, value_of
from tests.integration.intake.an_intake import Intake

pytestmark = pytest.mark.integration

PLACED = re.compile(r"/order/placed/([0-9a-f]{32})")
ATTACK = '"><script>alert(1)</script>'
_numbers = itertools.count(1)


def somebody_typed(**changes: str | None) -> dict[str, str]:
    """A form of their own: phone, e-mail and key no other test has."""
    number = next(_numbers)
    fresh = {"phone": f"8 700 301 {number:04}", "email": f"front{number}@example.kz", "key": f"{number:032x}"}
    return typed_order(**{**fresh, **changes})


async def _away(wanted: Wanted) -> Outcome:
    raise AutoReconnect("no server")


async def orders_of(intake: Intake, order_id: str) -> int:
    order = await intake.document("orders", order_id)
    return await intake.database["orders"].count_documents({"subject_id": order["subject_id"]})


async def test_what_was_typed_is_placed_as_a_shop_s_order_is(intake: Intake) -> None:
    async with a_browser(intake) as browser:
        answer = await browser.post(
            "/order/send", data=somebody_typed(residence_locality="Жоқбұлақ", residence_line="Жоқ 5")
        )
        assert answer.status_code == 303
        found = PLACED.fullmatch(answer.headers["location"])
        assert found
        thanks = await browser.get(answer.headers["location"])
    order = await intake.document("orders", found[1])
    consent = await intake.document("consents", order["consent_id"])
    sealed = Sealed(order["event_id"], order["event_type"], order["subject_id"], order["sealed"])
    person = await intake.opener.open(sealed, purpose="3.2.1")
    assert found[1][:8].upper() in thanks.text
    assert (consent["channel"], consent["promotions"], consent["language"]) == ("web", False, "en")
    assert consent["text_sha256"] == intake.policy.versions[0].text_sha256("en")
    assert person["phone"].startswith("+7700301")
    assert person["delivery_address"]["postcode"] == "A05E6X8"
    assert person["residence"] == {"locality": "Жоқбұлақ", "line": "Жоқ 5"}
    assert person["order_items"] == [{"title": "Қыш құмыра", "quantity": 2, "price_kzt": 4_500}]
    assert (order["amount_kzt"], person["language"]) == (9_000, "en")


async def test_promotions_are_off_until_chosen(intake: Intake) -> None:
    async with a_browser(intake) as browser:
        page = (await browser.get("/order")).text
        for box in ("promotions", "consent"):
            assert re.search(rf'<input id="{box}" type="checkbox"(?![^>]*checked)[^>]*>', page)
        answer = await browser.post("/order/send", data=somebody_typed(promotions="yes"))
    order = await intake.document("orders", answer.headers["location"].rpartition("/")[2])
    assert (await intake.document("consents", order["consent_id"]))["promotions"] is True


WRONG = {
    "family_name": "Сыд<script>",
    "given_name": "",
    "patronymic": "1234",
    "phone": "+7 916 123 45 67",
    "email": "no address",
    "delivery_line": "",
    "delivery_postcode": "05000",
    "item-0-title": "x" * 201,
    "item-0-quantity": "0",
    "item-0-price_kzt": "1,5",
}


@pytest.mark.parametrize("language", ["kk", "ru", "en"])
async def test_each_mistake_is_told_at_its_field_and_nothing_typed_is_lost(intake: Intake, language: str) -> None:
    sent = somebody_typed(**WRONG, payment=None, consent=None)
    async with a_browser(intake, **{"accept-language": language}) as browser:
        answer = await browser.post("/order/send", data=sent)
    page = answer.text
    assert answer.status_code == 422
    for name in (*WRONG, "payment", "consent"):
        assert error_at(page, name), name
        assert f'href="#{name}"' in page, f"the summary does not lead to {name}"
    for name in WRONG:
        assert value_of(page, name) == sent[name].strip(), name
    assert value_of(page, "key") == sent["key"]
    assert "<script>alert" not in page
    assert "Сыд<script>" not in page
    english = "must be a Kazakhstan number"
    assert (english in (error_at(page, "phone") or "")) == (language == "en")


async def test_a_rule_is_told_without_what_was_typed(intake: Intake) -> None:
    async with a_browser(intake) as browser:
        page = (await browser.post("/order/send", data=somebody_typed(**WRONG))).text
    told = " ".join(re.findall(r'<p class="error"[^>]*>(.*?)</p>', page))
    for value in filter(None, WRONG.values()):
        assert html.escape(value) not in told.replace("A05E6X8", "").replace("050000", "") or value in ("0",)


async def test_a_form_sent_twice_is_one_order(intake: Intake, replica: Intake) -> None:
    sent = somebody_typed()
    async with a_browser(intake) as browser, a_browser(replica) as other:
        answers = await asyncio.gather(*(client.post("/order/send", data=sent) for client in (browser, other) * 3))
    places = {answer.headers["location"] for answer in answers}
    assert len(places) == 1
    assert await orders_of(intake, places.pop().rpartition("/")[2]) == 1


async def test_a_sent_form_that_was_changed_asks_before_it_is_another_order(intake: Intake) -> None:
    sent = somebody_typed()
    async with a_browser(intake) as browser:
        first = await browser.post("/order/send", data=sent)
        changed = await browser.post("/order/send", data={**sent, "item-0-quantity": "3"})
        assert changed.status_code == 409
        assert value_of(changed.text, "item-0-quantity") == "3"
        again = {**sent, "item-0-quantity": "3", "key": value_of(changed.text, "key")}
        second = await browser.post("/order/send", data=again)
    assert second.status_code == 303
    assert second.headers["location"] != first.headers["location"]
    assert await orders_of(intake, first.headers["location"].rpartition("/")[2]) == 2


async def test_rows_come_and_go_without_javascript_and_keep_what_was_typed(intake: Intake) -> None:
    sent = somebody_typed(promotions="yes")
    async with a_browser(intake) as browser:
        two = (await browser.post("/order/send", data={**sent, "act": "add-item"})).text
        assert value_of(two, "item-1-quantity") == "1"
        second = {"item-1-title": "Кесе", "item-1-quantity": "1", "item-1-price_kzt": "700"}
        one = (await browser.post("/order/send", data={**sent, **second, "act": "remove-item-0"})).text
    for page in (two, one):
        assert value_of(page, "family_name") == sent["family_name"]
        assert re.search(r'id="consent"[^>]* checked', page)
        assert re.search(r'id="promotions"[^>]* checked', page)
        assert re.search(r'value="on_delivery" checked', page)
        assert 'class="error"' not in page
    assert value_of(one, "item-0-title") == "Кесе"
    assert 'name="item-1-title"' not in one


async def test_an_empty_row_is_no_item_and_errors_stay_at_their_row(intake: Intake) -> None:
    empty = {"item-1-title": "", "item-1-quantity": "1", "item-1-price_kzt": ""}
    third = {"item-2-title": "Кесе", "item-2-quantity": "1", "item-2-price_kzt": ""}
    async with a_browser(intake) as browser:
        page = (await browser.post("/order/send", data=somebody_typed(**empty, **third))).text
        assert error_at(page, "item-2-price_kzt") == "Item 3, price: must be filled in"
        assert error_at(page, "item-1-title") is None
        assert (await browser.post("/order/send", data=somebody_typed(**empty))).status_code == 303


async def test_a_text_that_is_not_in_force_any_more_is_asked_for_again(intake: Intake) -> None:
    async with a_browser(intake) as browser:
        page = (await browser.post("/order/send", data=somebody_typed(policy_version="2019-01"))).text
    assert "the text has changed meanwhile" in (error_at(page, "consent") or "")
    assert re.search(r'<input id="consent" type="checkbox"(?![^>]*checked)', page)
    assert value_of(page, "policy_version") == "2026-01"


@pytest.mark.parametrize("phone", ["+77013000042", "8 701 300 00 42", "7 (701) 300-00-42", "701 300 00 42"])
async def test_a_phone_is_taken_as_people_write_it(intake: Intake, phone: str) -> None:
    async with a_browser(intake) as browser:
        answer = await browser.post("/order/send", data=somebody_typed(phone=phone, email="phones@example.kz"))
    assert answer.status_code == 303


@pytest.mark.parametrize("postcode", ["050000", "a05e6x8", "A05 E6X8", ""])
async def test_a_postcode_is_taken_in_both_forms_or_left_out(intake: Intake, postcode: str) -> None:
    async with a_browser(intake) as browser:
        answer = await browser.post("/order/send", data=somebody_typed(delivery_postcode=postcode))
    assert answer.status_code == 303


@pytest.mark.parametrize("name", [*WRONG, "delivery_locality", "residence_line", "key", "act", "policy_version"])
async def test_no_field_brings_a_script_into_the_page(intake: Intake, name: str) -> None:
    async with a_browser(intake) as browser:
        answer = await browser.post("/order/send", data=somebody_typed(**{name: ATTACK, "given_name": ATTACK}))
    assert answer.status_code == 422
    assert "<script>alert" not in answer.text
    assert answer.text.count("<script") == 1, "htmx's own"


async def test_a_store_that_is_away_loses_nothing_typed_and_the_same_form_places_one_order(
    intake: Intake, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = somebody_typed()
    async with a_browser(intake) as browser:
        with monkeypatch.context() as away:
            away.setattr(intake.groups, "place", _away)
            answer = await browser.post("/order/send", data=sent)
        assert answer.status_code == 503
        assert "Nothing you typed is lost" in answer.text
        for name in ("family_name", "phone", "item-0-title", "key"):
            assert value_of(answer.text, name) == sent[name]
        assert re.search(r'id="consent"[^>]* checked', answer.text)
        assert (await browser.post("/order/send", data=sent)).status_code == 303


async def test_another_site_s_form_is_refused(intake: Intake) -> None:
    async with a_browser(intake, **{"sec-fetch-site": "cross-site"}) as browser:
        answer = await browser.post("/order/send", data=somebody_typed())
    assert answer.status_code == 403


async def test_an_order_that_is_not_there_has_no_page(intake: Intake) -> None:
    async with a_browser(intake) as browser:
        assert (await browser.get(f"/order/placed/{'0' * 32}")).status_code == 404
        assert (await browser.get("/order/placed/phone")).status_code == 422


async def test_too_much_is_not_read(intake: Intake) -> None:
    async with a_browser(intake) as browser:
        assert (await browser.post("/order/send", data={"family_name": "x" * 300_000})).status_code == 413
        assert (
            await browser.post("/order/send", data={f"f{number}": "" for number in range(1_500)})
        ).status_code == 413
        assert (await browser.post("/order/send", json={})).status_code == 415


async def test_the_page_of_a_sent_form_asked_for_again_is_the_form(intake: Intake) -> None:
    async with a_browser(intake) as browser:
        answer = await browser.get("/order/send?lang=ru")
        assert (answer.status_code, answer.headers["location"]) == (303, "/order?lang=ru")


async def test_only_the_empty_form_is_kept_by_browsers(intake: Intake) -> None:
    async with a_browser(intake) as browser:
        assert (await browser.get("/order")).headers["cache-control"] == "private, no-cache"
        typed = await browser.post("/order/send", data=somebody_typed(phone="12"))
    assert typed.headers["cache-control"] == "no-store"
