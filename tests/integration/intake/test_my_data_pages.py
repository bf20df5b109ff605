"""People see what is theirs and nobody else's, take it along, choose, and withdraw."""

import asyncio
import html
import itertools
import json
from datetime import UTC, datetime

import pytest

from services.intake.my_data import my_data_pages
from services.intake.my_data.known_people import KnownPeople
from shared.contracts.consents import ConsentWithdrawn
from shared.contracts.inspections import InspectSubject, SubjectInspected
from shared.contracts.personal import OrderItem, PersonalData
from shared.erasure.ask_stores import Inspections
from tests.builders import received, values_of
from tests.integration.intake.a_visitor import Front, Visitor
from tests.integration.intake.an_intake import Intake, somebody

pytestmark = pytest.mark.integration

NUMBERS = itertools.count(8_500)
SCRIPT = '"><script>alert(1)</script>'


def anybody(**changes: object) -> PersonalData:
    """Somebody no other test has."""
    person: PersonalData = somebody(next(NUMBERS))
    return person.model_copy(update=changes)


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """No store answers here: a download waits for none."""
    monkeypatch.setattr(my_data_pages, "ANSWERS_SECONDS", 0.0)


async def page_of(visitor: Visitor, path: str = "/my-data") -> str:
    answer = await visitor.get(path)
    assert answer.status_code == 200, path
    return html.unescape(answer.text)


async def answer_for_all(intake: Intake, subject_id: str, *stores: str) -> str:
    """The stores answer the newest inspection of the subject. Returns its id."""
    inspections = Inspections(
        "intake", client=intake.client, database=intake.database, outbox=intake.outbox, policy=intake.policy
    )
    command = (await intake.published(subject_id, InspectSubject))[-1].event
    assert isinstance(command, InspectSubject)
    for store in stores:
        answer = SubjectInspected(
            subject_id=subject_id,
            inspection_id=command.inspection_id,
            asked_by="intake",
            store=store,  # type: ignore[arg-type]
            inspected_at=datetime.now(UTC),
            collections={"orders": {"matched": 3, "destroyed": 2, "deferred": 1}},  # type: ignore[dict-item]
        )
        await inspections.on_inspected([received(answer, source=store)])
    return command.inspection_id


async def test_every_field_that_is_held_is_shown_and_each_look_is_noted(intake: Intake) -> None:
    person = anybody()
    placed = await intake.place(person=person)
    async with Front(intake).visitor() as visitor:
        await visitor.sign_in(person.phone)
        shown = await page_of(visitor)
    languages = {"kk": "Қазақша"}
    for value in values_of(person):
        assert languages.get(value, value) in shown
    noted = await intake.database["openings"].find({"subject_id": placed.subject_id}).to_list(None)
    assert {(opening["what"], opening["purpose"], opening["order_id"]) for opening in noted} == {
        ("my_data", "3.2.4", placed.order_id)
    }
    assert set(noted[0]["fields"]) == intake.policy.fields_for("intake", "3.2.4")


async def test_older_values_that_are_still_held_are_shown_too(intake: Intake) -> None:
    person = anybody()
    await intake.place(person=person)
    moved = person.model_copy(update={"email": f"moved.{person.email}", "family_name": "Жаңатегі"})
    await intake.place(person=moved)
    async with Front(intake).visitor() as visitor:
        await visitor.sign_in(person.phone)
        shown = await page_of(visitor)
    for value in (person.email, moved.email, person.family_name, moved.family_name):
        assert value in shown


async def test_a_call_that_was_asked_for_is_shown_and_when_it_goes(intake: Intake) -> None:
    """Also to whoever has never ordered: a call-back request makes a subject of its own."""
    person = anybody(given_name="Қоңырау")
    call_back_id = await intake.ask_for_a_call(person.phone, given_name=person.given_name)
    theirs = (await intake.document("call_backs", call_back_id))["subject_id"]
    async with Front(intake).visitor() as visitor:
        await visitor.sign_in(person.phone)
        for path in ("/my-data", "/my-data/download.html"):
            shown = await page_of(visitor, path)
            assert f"{person.given_name}, {person.phone}" in shown
            assert "It is destroyed by" in shown
        assert (await visitor.get("/my-data/download.json")).json()["call_backs"][0]["phone"] == person.phone
    noted = (
        await intake.database["openings"].find({"fields": ["given_name", "phone"], "subject_id": theirs}).to_list(None)
    )
    assert [(opening["what"], opening["purpose"]) for opening in noted] == [
        ("my_data", "3.2.4"),
        ("download", "3.2.4"),
        ("download", "3.2.4"),
    ]


async def test_two_people_at_once_see_each_their_own(intake: Intake) -> None:
    one, other = anybody(given_name="Бірінші"), anybody(given_name="Екінші")
    placed = await intake.place(person=one)
    await intake.place(person=other)
    front = Front(intake)
    async with front.visitor() as first, front.visitor() as second:
        await first.sign_in(one.email)
        await second.sign_in(other.phone)
        for visitor, mine, theirs in ((first, one, other), (second, other, one)):
            for path in ("/my-data", "/my-data/download.html", "/my-data/withdraw"):
                shown = await page_of(visitor, path)
                assert theirs.phone not in shown
                assert theirs.given_name not in shown
                assert theirs.email not in shown
            assert mine.phone in await page_of(visitor)
        inspection_id = await answer_for_all(intake, placed.subject_id, "delivery")
        assert "Delivery" in await page_of(first, f"/my-data/where/{inspection_id}")
        for path in ("where", "foresight"):
            answer = await second.get(f"/my-data/{path}/{inspection_id}")
            assert (answer.content, answer.headers["hx-refresh"]) == (b"", "true")


@pytest.mark.parametrize("shared", ["phone", "email"])
async def test_a_stranger_who_ordered_with_one_contact_of_mine_sees_their_order_alone(
    intake: Intake, shared: str
) -> None:
    """A contact that nobody confirmed makes one subject of two people; it must not show the one to the other."""
    me = anybody(given_name="Иесі")
    placed = await intake.place(person=me)
    await intake.correct(intake.signed_in(placed.subject_id, me), "family_name", "Түзетілген")
    stranger = anybody(given_name="Бөтен", **{shared: getattr(me, shared)})
    again = await intake.place(person=stranger)
    assert again.subject_id == placed.subject_id
    async with Front(intake).visitor() as visitor:
        await visitor.sign_in(stranger.email if shared == "phone" else stranger.phone)
        shown = await page_of(visitor) + await page_of(visitor, "/my-data/download.html")
        assert stranger.given_name in shown
        assert me.given_name not in shown
        assert "Түзетілген" not in shown
        assert "everything we hold of you" not in shown
        assert "there is more under another one" in shown
        assert 'id="where"' not in shown
        assert placed.order_id not in (await visitor.get("/my-data/download.json")).text
        content = (await visitor.get("/my-data/download.json")).json()
        assert (content["complete"], content["promotions"], len(content["consents"])) == (False, None, 1)
        assert (content["corrections"], content["stores"], content["uses"]) == ([], {}, [])
        assert "/my-data/withdraw" not in shown
        assert (await visitor.post("/my-data/withdraw", agreed="yes")).status_code == 409
        await visitor.post("/my-data/promotions", promotions="on")
    for event_type in (ConsentWithdrawn, InspectSubject):
        assert await intake.published(placed.subject_id, event_type) == []
    assert not await intake.subjects.promotions_of(placed.subject_id)


async def test_a_stranger_who_ordered_with_my_phone_does_not_see_that_i_asked_for_a_call(intake: Intake) -> None:
    """The phone in their order is what they typed: they proved their own e-mail and nothing else."""
    me = anybody(given_name="Иесі")
    await intake.ask_for_a_call(me.phone, given_name=me.given_name)
    stranger = anybody(given_name="Бөтен", phone=me.phone)
    placed = await intake.place(person=stranger)
    async with Front(intake).visitor() as visitor:
        await visitor.sign_in(stranger.email)
        for path in ("/my-data", "/my-data/download.html"):
            shown = await page_of(visitor, path)
            assert stranger.given_name in shown
            assert me.given_name not in shown
        content = (await visitor.get("/my-data/download.json")).json()
        assert (content["complete"], content["call_backs"]) == (False, [])
        assert (await visitor.post("/my-data/withdraw", agreed="yes")).status_code == 409
    assert await intake.published(placed.subject_id, ConsentWithdrawn) == []


async def test_what_a_shop_sent_is_shown_as_text_whatever_it_is(intake: Intake) -> None:
    address = {"locality": SCRIPT, "line": SCRIPT, "postcode": None}
    person = anybody(order_items=(OrderItem(title=SCRIPT, quantity=1, price_kzt=1),))
    await intake.place(person=person, delivery_address=address, residence=address)
    async with Front(intake).visitor() as visitor:
        await visitor.sign_in(person.phone)
        for path in ("/my-data", "/my-data/download.html", "/my-data/withdraw"):
            answer = await visitor.get(path)
            assert "<script>alert" not in answer.text
            assert path == "/my-data/withdraw" or answer.text.count("&lt;script&gt;alert") >= 3


async def test_no_page_of_it_is_kept_by_the_browser_or_runs_what_is_not_ours(intake: Intake) -> None:
    person = anybody()
    await intake.place(person=person)
    async with Front(intake).visitor() as visitor:
        await visitor.sign_in(person.phone)
        for path in ("/my-data", "/my-data/download.json", "/my-data/download.html", "/my-data/withdraw"):
            headers = (await visitor.get(path)).headers
            assert headers["cache-control"] == "no-store"
            assert "script-src 'self'" in headers["content-security-policy"]
            assert "unsafe" not in headers["content-security-policy"]
            assert headers["referrer-policy"] == "no-referrer"


async def test_both_downloads_hold_everything_that_is_shown(intake: Intake) -> None:
    person = anybody()
    placed = await intake.place(person=person, promotions=True)
    async with Front(intake).visitor() as visitor:
        await visitor.sign_in(person.phone)
        await page_of(visitor)
        as_json, as_html = await visitor.get("/my-data/download.json"), await visitor.get("/my-data/download.html")
    for answer, name in ((as_json, "my-data.json"), (as_html, "my-data.html")):
        assert answer.headers["content-disposition"] == f'attachment; filename="{name}"'
        for value in [*values_of(person.model_copy(update={"language": "en"})), placed.order_id, "2026-01"]:
            assert value in html.unescape(answer.text)
    content = json.loads(as_json.text)
    assert content["complete"] is True
    assert content["promotions"] is True
    assert set(content["not_answered"]) == set(intake.policy.erasing_stores)  # and not: nothing is held there
    assert content["purposes"]["phone"]


async def test_stores_that_have_not_answered_are_named_until_they_have(intake: Intake) -> None:
    person = anybody()
    placed = await intake.place(person=person)
    async with Front(intake).visitor() as visitor:
        await visitor.sign_in(person.phone)
        assert "Not answered yet: Orders and consents, Delivery, Messages, Requests." in await page_of(visitor)
        inspection_id = await answer_for_all(intake, placed.subject_id, "intake", "delivery", "privacy")
        part = await page_of(visitor, f"/my-data/where/{inspection_id}")
        assert "Not answered yet: Messages." in part
        assert "hx-trigger" in part
        again = await page_of(visitor, f"/my-data?inspection={inspection_id}")  # without JavaScript
        assert "Not answered yet: Messages." in again
        await answer_for_all(intake, placed.subject_id, "notifications")
        whole = await page_of(visitor, f"/my-data/where/{inspection_id}")
        assert "Not answered yet" not in whole
        assert "hx-trigger" not in whole
        foresight = await page_of(visitor, f"/my-data/withdraw?inspection={inspection_id}")
        assert "2 records are destroyed" in foresight
        assert "1 record waits until its order is delivered" in foresight


@pytest.mark.parametrize("name", ["my-data.json", "my-data.html"])
async def test_a_download_waits_for_the_stores_answers(
    intake: Intake, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(my_data_pages, "ANSWERS_SECONDS", 60.0)
    monkeypatch.setattr(my_data_pages, "STEP_SECONDS", 0.01)
    person = anybody()
    placed = await intake.place(person=person)
    async with Front(intake).visitor() as visitor:
        await visitor.sign_in(person.phone)
        download = asyncio.create_task(visitor.get(f"/my-data/{name.replace('my-data', 'download')}"))
        while not await intake.published(placed.subject_id, InspectSubject):
            await asyncio.sleep(0.01)
        await answer_for_all(intake, placed.subject_id, *intake.policy.erasing_stores)
        answer = await download
    if name == "my-data.json":
        content = answer.json()
        assert (set(content["stores"]), content["not_answered"]) == (set(intake.policy.erasing_stores), [])
        assert content["stores"]["delivery"]["collections"]["orders"]["matched"] == 3
    else:
        shown = " ".join(html.unescape(answer.text).split())
        assert "Not answered yet" not in shown
        assert "<strong>Delivery</strong>: Orders (3)" in shown


async def test_a_restriction_closes_the_pages_to_whoever_is_signed_in(intake: Intake) -> None:
    person = anybody()
    placed = await intake.place(person=person)
    async with Front(intake).visitor() as visitor:
        await visitor.sign_in(person.phone)
        assert (await visitor.get("/my-data")).status_code == 200
        await intake.restrict(placed.subject_id)
        assert (await visitor.get("/my-data")).headers["location"] == "/my-data/sign-in"


async def test_keys_that_went_since_the_session_was_looked_at_open_nothing(
    intake: Intake, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not from a cache either: the page was open a moment ago."""

    async def yes(*_: object) -> bool:
        return True

    person = anybody(given_name="Кеткен")
    placed = await intake.place(person=person)
    async with Front(intake).visitor() as visitor:
        await visitor.sign_in(person.phone)
        assert person.given_name in await page_of(visitor)
        monkeypatch.setattr(KnownPeople, "may_see", yes)
        await intake.destroy_keys(placed.subject_id)
        for path in ("/my-data", "/my-data/download.html", "/my-data/download.json"):
            answer = await visitor.get(path)
            assert answer.status_code != 200
            assert person.given_name not in html.unescape(answer.text)


async def test_withdrawing_twice_with_one_form_leads_to_one_case(intake: Intake) -> None:
    person = anybody()
    placed = await intake.place(person=person)
    async with Front(intake).visitor() as visitor:
        await visitor.sign_in(person.phone)
        unticked = await visitor.post("/my-data/withdraw")
        assert (unticked.status_code, "agreed-error" in unticked.text) == (422, True)
        assert await intake.published(placed.subject_id, ConsentWithdrawn) == []
        first = await visitor.post("/my-data/withdraw", agreed="yes")
        second = await visitor.post("/my-data/withdraw", agreed="yes")
        assert first.headers["location"] == second.headers["location"]
        assert len(await intake.published(placed.subject_id, ConsentWithdrawn)) == 1
        case = await visitor.get(first.headers["location"])
        assert case.status_code == 200
        for value in (*values_of(person), placed.subject_id, placed.order_id):
            assert value not in html.unescape(case.text) or value == "kk"
        assert (await visitor.get("/my-data")).headers["location"] == "/my-data/sign-in"


async def test_a_link_that_leads_nowhere_says_so(intake: Intake) -> None:
    async with Front(intake).visitor() as visitor:
        for path in ("/case/nowhere", "/case/nowhere/state", "/case/%3Cscript%3E"):
            answer = await visitor.get(path)
            assert answer.status_code == 404
            assert "<script>alert" not in answer.text
