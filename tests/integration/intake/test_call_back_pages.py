"""The call-back form, the operators' queue as pages and as JSON, and the pages of the policy."""

import itertools

import pytest
from pymongo.errors import AutoReconnect

from services.intake.call_backs.request_call_back import RequestCallBack
from tests.integration.intake.a_front import TOKEN, a_browser, error_at, value_of
from tests.integration.intake.an_intake import Intake

pytestmark = pytest.mark.integration

QUEUE = "/operator/call-backs"
_numbers = itertools.count(1)


def typed(**changes: str) -> dict[str, str]:
    fresh = {"given_name": "Жаңыл", "phone": f"8 700 400 {next(_numbers):04}", "notice_version": "en-2026-01"}
    return {**fresh, **changes}


async def newest(intake: Intake) -> dict[str, str]:
    (document,) = await intake.database["call_backs"].find().sort("requested_at", -1).limit(1).to_list(1)
    return dict(document)


async def test_name_and_phone_are_enough_and_the_notice_read_is_kept(intake: Intake) -> None:
    async with a_browser(intake, **{"accept-language": "ru"}) as browser:
        page = (await browser.get("/call-back")).text
        assert "Укажите ваши данные и наш оператор перезвонит вам для уточнения деталей" in page
        sent = typed(notice_version=value_of(page, "notice_version"))
        answer = await browser.post("/call-back", data=sent)
        assert (answer.status_code, answer.headers["location"]) == (303, "/call-back/asked")
        assert (await browser.get("/call-back/asked")).status_code == 200
    request = await newest(intake)
    assert (request["notice_version"], request["notice_language"]) == ("ru-2026-01", "ru")


async def test_mistakes_are_told_at_their_field_and_nothing_is_lost(intake: Intake) -> None:
    before = await intake.database["call_backs"].count_documents({})
    async with a_browser(intake) as browser:
        answer = await browser.post("/call-back", data=typed(given_name="<script>", phone="12"))
        changed = await browser.post("/call-back", data=typed(notice_version="en-2019"))
    assert answer.status_code == changed.status_code == 422
    assert error_at(answer.text, "given_name")
    assert error_at(answer.text, "phone")
    assert (value_of(answer.text, "given_name"), value_of(answer.text, "phone")) == ("<script>", "12")
    assert "the text has changed meanwhile" in changed.text
    assert await intake.database["call_backs"].count_documents({}) == before


async def test_a_store_that_is_away_loses_nothing_typed(intake: Intake, monkeypatch: pytest.MonkeyPatch) -> None:
    async def away(*_: object) -> None:
        raise AutoReconnect("no server")

    sent = typed()
    async with a_browser(intake) as browser:
        with monkeypatch.context() as gone:
            gone.setattr(RequestCallBack, "request", away)
            answer = await browser.post("/call-back", data=sent)
        assert answer.status_code == 503
        assert (value_of(answer.text, "given_name"), value_of(answer.text, "phone")) == (
            sent["given_name"],
            sent["phone"],
        )
        assert (await browser.post("/call-back", data=sent)).status_code == 303


async def test_operators_see_who_waits_and_end_it(intake: Intake) -> None:
    async with a_browser(intake) as client, a_browser(intake) as operator:
        sent = typed(given_name="Жаңылған")
        await client.post("/call-back", data=sent)
        call_back_id = (await newest(intake))["_id"]
        assert (await operator.get(QUEUE)).headers["location"] == "/operator/sign-in"
        wrong = await operator.post("/operator/sign-in", data={"token": "another"})
        assert (wrong.status_code, wrong.headers.get("set-cookie")) == (403, None)
        assert (await operator.post("/operator/sign-in", data={"token": TOKEN})).headers["location"] == QUEUE
        queue = (await operator.get(QUEUE)).text
        assert "Жаңылған" in queue
        assert f"{QUEUE}/{call_back_id}/called" in queue
        await operator.post(f"{QUEUE}/{call_back_id}/unreached", data={"seen": "0"})
        assert (await newest(intake))["unreached"] == 1
        assert "1 time, last on" in (await operator.get(QUEUE)).text
        done = await operator.post(f"{QUEUE}/{call_back_id}/called")
        assert done.headers["location"] == f"{QUEUE}?said=called"
        assert "Жаңылған" not in (await operator.get(QUEUE)).text
        again = await operator.post(f"{QUEUE}/{call_back_id}/called")
        assert again.headers["location"] == f"{QUEUE}?said=gone"
        await operator.post("/operator/sign-out")
        assert (await operator.get(QUEUE)).status_code == 303


async def test_a_name_that_came_past_the_form_stays_text_in_the_queue(intake: Intake) -> None:
    """The form refuses it; were it stored all the same, operators would read it and their browser would not run it."""
    await intake.ask_for_a_call("+77004009999", given_name="<script>alert(1)</script>")
    async with a_browser(intake) as operator:
        await operator.post("/operator/sign-in", data={"token": TOKEN})
        queue = (await operator.get(QUEUE)).text
    assert "&lt;script&gt;alert(1)" in queue
    assert "<script>alert" not in queue


@pytest.mark.parametrize("path", [f"{QUEUE}/{'0' * 32}/called", f"{QUEUE}/{'0' * 32}/unreached"])
async def test_nobody_else_ends_a_request(intake: Intake, path: str) -> None:
    async with a_browser(intake) as stranger:
        assert (await stranger.post(path, data={"seen": "0"})).headers["location"] == "/operator/sign-in"


async def test_signing_in_gives_a_new_session(intake: Intake) -> None:
    """Whoever planted a token in the operator's browser is not signed in by it."""
    planted = "a" * 64
    async with a_browser(intake) as operator:
        operator.cookies.set("__Host-session", planted)
        answer = await operator.post("/operator/sign-in", data={"token": TOKEN})
        assert "__Host-session=" in answer.headers["set-cookie"]
        assert planted not in answer.headers["set-cookie"]
    async with a_browser(intake) as stranger:
        stranger.cookies.set("__Host-session", planted)
        assert (await stranger.get(QUEUE)).status_code == 303


async def test_tokens_are_not_tried_without_end(intake: Intake) -> None:
    async with a_browser(intake) as operator:
        for _ in range(45):  # two windows of a minute at most
            answer = await operator.post("/operator/sign-in", data={"token": "guess"})
            if answer.status_code == 429:
                break
        assert answer.status_code == 429
        late = await operator.post("/operator/sign-in", data={"token": TOKEN})
    await intake.database["attempts"].delete_many({})
    assert late.status_code in (429, 303)  # 303 only where the minute has just ended


async def test_programs_read_the_queue_with_the_token(intake: Intake) -> None:
    async with a_browser(intake, accept="application/json") as program:
        await program.post("/call-back", data=typed())
        call_back_id = (await newest(intake))["_id"]
        assert (await program.get("/v1/call-backs")).status_code == 401
        program.headers["authorization"] = "Bearer another"
        assert (await program.post(f"/v1/call-backs/{call_back_id}/done")).status_code == 403
        program.headers["authorization"] = f"Bearer {TOKEN}"
        queue = (await program.get("/v1/call-backs")).json()
        assert call_back_id in {item["call_back_id"] for item in queue["call_backs"]}
        assert (await program.post(f"/v1/call-backs/{call_back_id}/done")).json()["done"] is True
        assert (await program.post(f"/v1/call-backs/{call_back_id}/done")).status_code == 404


@pytest.mark.parametrize("language", ["kk", "ru", "en"])
async def test_the_policy_is_shown_as_it_was_agreed_to(intake: Intake, language: str) -> None:
    version = intake.policy.versions[0]
    async with a_browser(intake, **{"accept-language": language}) as browser:
        latest = await browser.get("/policy")
        assert latest.headers["location"] == f"/policy/{version.version}/{language}"
        page = (await browser.get(latest.headers["location"])).text
    assert version.consent_text[language] in page  # type: ignore[index]
    assert version.document_sha256 in page
    for clause in ("3.2.1", "3.2.3", "3.2.6", "3.2.8"):
        assert clause in page
    assert "3.2.9" not in page.replace("3.2.1–3.2.4", ""), "no personal field is used for statistics"


@pytest.mark.parametrize("path", ["/policy/2019-01/kk", "/policy/2026-01/de", "/policy/2026-01/<script>"])
async def test_there_is_no_policy_of_another_name(intake: Intake, path: str) -> None:
    async with a_browser(intake) as browser:
        answer = await browser.get(path)
    assert answer.status_code == 404
    assert "<script>" not in answer.text.replace('<script src="/static', "")
