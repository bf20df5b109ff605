"""Signing in shows of nobody whether they are known, and lets in whoever typed the code where it was asked for."""

import html
import itertools
import re
from collections.abc import Callable
from datetime import timedelta

import httpx
import pytest

from services.intake.my_data import sign_in_pages
from services.intake.my_data.code_store import COLLECTION
from services.intake.my_data.one_time_codes import LIMITS
from shared.contracts.personal import PersonalData
from tests.integration.intake.a_visitor import Front, Visitor, routes_of
from tests.integration.intake.an_intake import Intake, somebody

pytestmark = pytest.mark.integration

NUMBERS = itertools.count(8_000)


def anybody() -> PersonalData:
    """Somebody no other test has."""
    person: PersonalData = somebody(next(NUMBERS))
    return person


def seen(answer: httpx.Response) -> tuple[int, bytes, dict[str, str]]:
    """All of an answer that a browser can tell from another, but for the random token of its own session."""
    headers = {name: value for name, value in answer.headers.items() if name != "set-cookie"}
    return answer.status_code, answer.content, headers


def filled(path: str) -> str:
    """With something in the place of each part that varies."""
    return re.sub(r"\{(\w+)\}", lambda part: "phone" if part[1] == "name" else "1" * 32, path)


async def asked(visitor: Visitor, contact: str) -> list[tuple[int, bytes, dict[str, str]]]:
    """What whoever types this contact and a wrong code sees."""
    return [
        seen(await visitor.post("/my-data/sign-in", contact=contact)),
        seen(await visitor.get("/my-data/code")),
        seen(await visitor.post("/my-data/code", code="not a code")),
        seen(await visitor.get("/my-data")),
    ]


async def known(intake: Intake) -> str:
    person = anybody()
    await intake.place(person=person)
    return str(person.phone)


async def known_by_mail(intake: Intake) -> str:
    person = anybody()
    await intake.place(person=person)
    return str(person.email)


async def restricted(intake: Intake) -> str:
    person = anybody()
    await intake.restrict((await intake.place(person=person)).subject_id)
    return str(person.phone)


async def fenced(intake: Intake) -> str:
    person = anybody()
    await intake.fence((await intake.place(person=person)).subject_id)
    return str(person.phone)


async def asked_too_often(intake: Intake) -> str:
    contact = await known(intake)
    async with Front(intake).visitor() as visitor:
        for _ in range(LIMITS["code"][0]):
            await visitor.post("/my-data/sign-in", contact=contact)
    return contact


@pytest.mark.parametrize("who", [known, known_by_mail, restricted, fenced, asked_too_often])
async def test_nobody_can_be_told_from_whom_we_do_not_know(intake: Intake, who: Callable[[Intake], object]) -> None:
    contact = await who(intake)  # type: ignore[misc]
    async with Front(intake).visitor() as one, Front(intake).visitor() as other:
        assert await asked(one, contact) == await asked(other, anybody().phone)
    kept = await intake.database[COLLECTION].find().to_list(None)
    assert {frozenset(document) for document in kept} == {frozenset(kept[0])}


@pytest.mark.parametrize(
    ("who", "is_sent"), [(known, True), (known_by_mail, True), (restricted, False), (fenced, False)]
)
async def test_a_code_is_sent_to_whom_we_know_and_may_write_to(
    intake: Intake, who: Callable[[Intake], object], is_sent: bool
) -> None:
    front = Front(intake)
    async with front.visitor() as visitor:
        await visitor.post("/my-data/sign-in", contact=await who(intake))  # type: ignore[misc]
        assert await front.wanted[-1]() is is_sent
        await visitor.post("/my-data/sign-in", contact=anybody().email)
        assert await front.wanted[-1]() is False


@pytest.mark.parametrize("who", [restricted, fenced])
async def test_the_right_code_of_whoever_was_stopped_meanwhile_is_as_wrong_as_any(
    intake: Intake, who: Callable[[Intake], object]
) -> None:
    async with Front(intake).visitor() as visitor:
        await visitor.post("/my-data/sign-in", contact=await who(intake))  # type: ignore[misc]
        wrong = seen(await visitor.post("/my-data/code", code="not a code"))
        assert seen(await visitor.post("/my-data/code", code=visitor.last_code())) == wrong


async def test_the_code_counts_in_the_browser_that_asked_and_in_no_other(intake: Intake) -> None:
    contact = await known(intake)
    front = Front(intake)
    async with front.visitor() as one, front.visitor() as other:
        await one.post("/my-data/sign-in", contact=contact)
        code = one.last_code()
        await other.post("/my-data/sign-in", contact=anybody().phone)
        assert (await other.post("/my-data/code", code=code)).status_code == 422
        assert (await one.post("/my-data/code", code=code)).headers["location"] == "/my-data"


async def test_signing_in_gives_a_new_session_and_signing_out_ends_it(intake: Intake) -> None:
    contact = await known(intake)
    async with Front(intake).visitor() as visitor, Front(intake).visitor() as planted:
        await visitor.post("/my-data/sign-in", contact=contact)
        before = dict(visitor.http.cookies)
        await visitor.post("/my-data/code", code=visitor.last_code())
        after = dict(visitor.http.cookies)
        assert before
        assert set(before) == set(after)
        assert before != after
        planted.http.cookies.update(before)
        assert (await planted.get("/my-data")).status_code == 303  # whoever set the first one sees nothing
        assert (await visitor.get("/my-data")).status_code == 200
        await visitor.post("/my-data/sign-out")
        planted.http.cookies.clear()
        planted.http.cookies.update(after)
        assert (await planted.get("/my-data")).status_code == 303


async def test_the_session_s_cookie_is_for_this_host_and_no_script(intake: Intake) -> None:
    async with Front(intake).visitor() as visitor:
        answer = await visitor.post("/my-data/sign-in", contact=anybody().phone)
        cookie = answer.headers["set-cookie"]
    assert cookie.startswith("__Host-")
    assert {"httponly", "secure", "path=/", "samesite=lax"} <= {part.strip().lower() for part in cookie.split(";")}


async def test_every_page_of_my_data_asks_who_is_not_signed_in_to_sign_in(intake: Intake) -> None:
    front = Front(intake)
    open_to_all = {"/my-data/sign-in", "/case/{token}", "/case/{token}/state"}
    routes = [route for route in routes_of(front.router) if route.path not in open_to_all]
    assert len(routes) >= 10
    async with front.visitor() as visitor:
        for route in routes:
            path = filled(route.path)
            for method in route.methods:
                answer = await visitor.http.request(method, path, data={} if method == "POST" else None)
                where = answer.headers.get("location") or answer.headers.get("hx-redirect")
                assert (where, answer.content) == ("/my-data/sign-in", b""), f"{method} {path}"


async def test_what_another_site_sends_is_refused_and_changes_nothing(intake: Intake) -> None:
    person = anybody()
    placed = await intake.place(person=person, promotions=True)
    front = Front(intake)
    posts = [route.path for route in routes_of(front.router) if "POST" in route.methods]
    assert {"/my-data/withdraw", "/my-data/promotions", "/my-data/code"} <= set(posts)
    async with front.visitor() as visitor:
        await visitor.sign_in(person.email)
        for path in posts:
            for headers in ({"sec-fetch-site": "cross-site"}, {"sec-fetch-site": "", "origin": "https://evil.example"}):
                typed = {"agreed": "yes", "promotions": "off", "contact": person.phone, "phone": "+77000000001"}
                url = filled(path)
                assert (await visitor.http.post(url, data=typed, headers=headers)).status_code == 403
        assert (await visitor.get("/my-data")).status_code == 200
    assert await intake.subjects.promotions_of(placed.subject_id)


async def test_where_to_go_next_is_not_the_visitor_s_to_say(intake: Intake) -> None:
    contact = await known(intake)
    async with Front(intake).visitor() as visitor:
        await visitor.post("/my-data/sign-in?next=//evil.example", contact=contact, next="https://evil.example/")
        answer = await visitor.post(
            "/my-data/code?next=//evil.example", code=visitor.last_code(), next="//evil.example"
        )
        assert answer.headers["location"] == "/my-data"


async def test_what_is_no_contact_is_said_beside_the_field_and_stays_there_harmless(intake: Intake) -> None:
    typed = '"><script>alert(1)</script>'
    async with Front(intake).visitor() as visitor:
        answer = await visitor.post("/my-data/sign-in", contact=typed)
    assert answer.status_code == 422
    assert "<script>alert" not in answer.text
    assert html.escape(typed) in answer.text.replace("&#34;", "&quot;")
    assert 'aria-invalid="true"' in answer.text


async def test_too_many_of_all_together_are_asked_to_wait(intake: Intake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sign_in_pages, "EVERYBODY", ("sign-in", "everybody in this test", 1, timedelta(days=1)))
    async with Front(intake).visitor() as visitor:
        assert (await visitor.post("/my-data/sign-in", contact=await known(intake))).status_code == 303
        unknown = await visitor.post("/my-data/sign-in", contact=anybody().phone)
        assert (unknown.status_code, "Try again in a minute" in unknown.text) == (429, True)
