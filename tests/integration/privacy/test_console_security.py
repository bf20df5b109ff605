"""Who is kept out of the console, and what a page never does, whoever asks for it."""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute, iter_route_contexts

from deploy.local.stack import LocalStack
from services.privacy.console.account_store import TRIES
from services.privacy.console.doors import HOME, SIGN_IN, Door, local_path
from services.privacy.console.roles import ROLES
from shared.messaging.cloudevents import new_id
from shared.pages.sessions import COLLECTION as SESSIONS
from shared.pages.sessions import COOKIE
from shared.stores.mongo import Client
from tests.integration.privacy.a_console import PrivacyService, Visitor

pytestmark = pytest.mark.integration
NOBODY_S = "0" * 32
SCRIPT = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>"


@pytest.fixture
def service(stores: LocalStack, mongo: Client) -> PrivacyService:
    return PrivacyService(stores, mongo)


def pages_of(app: FastAPI) -> Iterator[tuple[str, str, frozenset[str] | None]]:
    """(method, path, roles it is for; None where it has no door) of every route of the console."""
    for route in iter_route_contexts(app.routes):
        path, original = route.path or "", route.original_route
        if path == HOME or path.startswith(f"{HOME}/"):
            assert isinstance(original, APIRoute)
            doors = [d.call for d in original.dependant.dependencies if isinstance(d.call, Door)]
            for method in sorted(original.methods):
                yield method, re.sub(r"{\w+}", NOBODY_S, path), frozenset(doors[0].roles) if doors else None


async def test_every_page_but_the_sign_in_has_a_door(service: PrivacyService) -> None:
    pages = list(pages_of(service.app))
    assert len(pages) > 20
    open_ones = {path for _, path, roles in pages if roles is None}
    assert all(path.startswith(SIGN_IN) for path in open_ones), open_ones
    assert {roles for _, _, roles in pages if roles} == {
        frozenset(ROLES),
        frozenset({"officer"}),
        frozenset({"approver"}),
    }


async def test_strangers_are_sent_to_the_sign_in_from_every_page(service: PrivacyService) -> None:
    stranger = service.visitor()
    for method, path, roles in pages_of(service.app):
        if roles is not None:
            answer = await stranger.http.request(method, path)
            assert answer.status_code == 303, (method, path)
            assert answer.headers["location"].startswith(f"{SIGN_IN}?next="), (method, path)


@pytest.mark.parametrize("role", ROLES)
async def test_the_other_role_is_refused_every_page_that_is_not_its_own(service: PrivacyService, role: Any) -> None:
    member = await service.member(role)
    tried = 0
    for method, path, roles in pages_of(service.app):
        if roles is not None and role not in roles:
            assert (await member.http.request(method, path)).status_code == 403, (method, path)
            tried += 1
    assert tried


async def test_what_another_site_sends_is_refused_on_every_form(service: PrivacyService) -> None:
    officer, approver = await service.member("officer"), await service.member("approver")
    for visitor in (officer, approver):
        for method, path, _ in pages_of(service.app):
            if method == "POST":
                for told in ({"sec-fetch-site": "cross-site"}, {"sec-fetch-site": "same-site"}):
                    answer = await visitor.http.post(path, headers=told)
                    assert answer.status_code == 403, (path, told)
                    assert "another site" in answer.text
    assert (await officer.get(HOME)).status_code == 200  # not even signed out


async def test_a_planted_session_is_not_taken_on(service: PrivacyService) -> None:
    visitor, name = service.visitor(), new_id()
    given = await service.desk.accounts.add(name, "officer", datetime.now(UTC))
    planted = "ab" * 16
    visitor.http.cookies.set(COOKIE, planted, domain="console.example.kz", path="/")
    await visitor.sign_in(name, given.password)
    tokens = {cookie.value for cookie in visitor.http.cookies.jar if cookie.name == COOKIE}
    thief = service.visitor()
    thief.http.cookies.set(COOKIE, planted, domain="console.example.kz", path="/")
    assert (await thief.get(HOME)).status_code == 303
    assert tokens != {planted}


async def test_the_half_signed_in_session_is_not_the_whole_one(service: PrivacyService) -> None:
    visitor, name = service.visitor(), new_id()
    given = await service.desk.accounts.add(name, "officer", datetime.now(UTC))
    await visitor.post(SIGN_IN, name=name, password=given.password)
    half = visitor.session
    assert half
    assert (await visitor.get(HOME)).status_code == 303  # the password alone opens nothing
    code = await service.desk.accounts.present_code(name, datetime.now(UTC))
    await visitor.post(f"{SIGN_IN}/code", code=code)
    assert visitor.session != half
    again = await visitor.get(f"{SIGN_IN}/code")
    assert again.status_code == 303  # the secret is not shown again


async def test_a_secret_in_use_is_shown_to_no_other_half_signed_in_session(service: PrivacyService) -> None:
    person, other, name = service.visitor(), service.visitor(), new_id()
    given = await service.desk.accounts.add(name, "officer", datetime.now(UTC))
    for visitor in (person, other):  # the password is known to both
        await visitor.post(SIGN_IN, name=name, password=given.password)
    assert (await other.get(f"{SIGN_IN}/code")).status_code == 200
    await person.post(f"{SIGN_IN}/code", code=await service.desk.accounts.present_code(name, datetime.now(UTC)))
    assert (await person.get(HOME)).status_code == 200
    assert (await other.get(f"{SIGN_IN}/code")).status_code == 303


async def test_the_cookie_is_for_this_host_over_https_and_no_script(service: PrivacyService) -> None:
    visitor, name = service.visitor(), new_id()
    given = await service.desk.accounts.add(name, "officer", datetime.now(UTC))
    answer = await visitor.post(SIGN_IN, name=name, password=given.password)
    cookie = answer.headers["set-cookie"].lower()
    assert cookie.startswith("__host-session=")
    for flag in ("secure", "httponly", "samesite=lax", "path=/"):
        assert flag in cookie
    assert "domain" not in cookie


async def test_signing_out_ends_the_session_itself(service: PrivacyService) -> None:
    officer = await service.member("officer")
    token = officer.session
    await officer.post(f"{SIGN_IN}/out")
    officer.http.cookies.set(COOKIE, str(token), domain="console.example.kz", path="/")
    assert (await officer.get(HOME)).status_code == 303


async def signed_in_as(service: PrivacyService, role: Any) -> tuple[Visitor, str]:
    visitor, name = service.visitor(), new_id()
    given = await service.desk.accounts.add(name, role, datetime.now(UTC))
    await visitor.sign_in(name, given.password)
    assert (await visitor.get(HOME)).status_code == 200
    return visitor, given.account_id


async def test_a_disabled_account_is_out_at_once(service: PrivacyService) -> None:
    visitor, account_id = await signed_in_as(service, "officer")
    await service.desk.accounts.store.disable(account_id, datetime.now(UTC))
    assert (await visitor.get(HOME)).status_code == 303


async def test_another_role_means_signing_in_again(service: PrivacyService) -> None:
    visitor, account_id = await signed_in_as(service, "officer")
    await service.database["officers"].update_one({"_id": account_id}, {"$set": {"role": "approver"}})
    assert (await visitor.get(HOME)).status_code == 303


async def test_a_session_ends_unused_and_ends_after_eight_hours_of_use(service: PrivacyService) -> None:
    visitor, account_id = await signed_in_as(service, "officer")
    session = await service.database[SESSIONS].find_one({"who": account_id})
    assert session is not None
    left = session["expires_at"] - datetime.now(UTC)
    assert timedelta(minutes=14) < left <= timedelta(minutes=15)
    data = json.loads(session["data"])
    assert data["until"] - datetime.now(UTC).timestamp() <= 8 * 3600
    data["until"] = datetime.now(UTC).timestamp() - 1
    change = {"$set": {"data": json.dumps(data).encode()}}
    await service.database[SESSIONS].update_one({"_id": session["_id"]}, change)
    assert (await visitor.get(HOME)).status_code == 303


async def test_wrong_tries_pause_the_account_without_saying_so(service: PrivacyService) -> None:
    visitor, name = service.visitor(), new_id()
    given = await service.desk.accounts.add(name, "officer", datetime.now(UTC))
    known = [await visitor.post(SIGN_IN, name=name, password="wrong one") for _ in range(TRIES)]
    paused = await visitor.post(SIGN_IN, name=name, password=given.password)
    unknown = await visitor.post(SIGN_IN, name=new_id(), password="wrong one")
    texts = {re.sub(r'value="[0-9a-f]{32}"', "", answer.text) for answer in (*known, paused, unknown)}
    assert {answer.status_code for answer in (*known, paused, unknown)} == {401}
    assert len(texts) == 1
    assert "paused" not in paused.text


@pytest.mark.parametrize(
    "elsewhere",
    [
        "https://evil.example.com/", "//evil.example.com", "/\\evil.example.com", "/console//evil.example.com",
        "/console/../../x?y", "javascript:alert(1)", "/consolex", "/console/%2f%2fevil", "/console\r\nX: 1", "",
        "\\\\x",
    ],
)  # fmt: skip
async def test_signing_in_leads_to_no_other_site(service: PrivacyService, elsewhere: str) -> None:
    assert local_path(elsewhere) == HOME
    shown = await service.visitor().get(SIGN_IN, params={"next": elsewhere})
    assert f'name="next" value="{HOME}"' in shown.text


async def test_signing_in_leads_back_to_the_page(service: PrivacyService) -> None:
    visitor = service.visitor()
    answer = await visitor.get("/console/proposals")
    assert 'name="next" value="/console/proposals"' in (await visitor.get(answer.headers["location"])).text


async def test_what_is_typed_is_shown_as_text(service: PrivacyService) -> None:
    officer, approver = await service.member("officer"), await service.member("approver")
    typed = [
        await officer.post("/console/find", by="phone", value=SCRIPT, reason="check"),
        await officer.post("/console/find", by="email", value=SCRIPT),
        await service.visitor().post(SIGN_IN, name=SCRIPT[:60], password="x", next=SCRIPT),
        await officer.get("/console/cases", params={"view": SCRIPT}),
        await officer.get(f"/console/people/{SCRIPT}"),
    ]
    name = f"{SCRIPT[:40]}{new_id()[:8]}"
    given = await service.desk.accounts.add(name, "officer", datetime.now(UTC))
    named = service.visitor()
    await named.sign_in(name, given.password)
    refusal = await named.post(f"/console/people/{NOBODY_S}/refusals", ground="not_held")
    typed += [await named.get(HOME), await approver.get("/console/proposals")]
    typed.append(await approver.get(refusal.headers["location"]))
    for answer in typed:
        assert "<script>alert" not in answer.text
        assert "<img src=x" not in answer.text


async def test_no_page_may_run_what_is_written_into_it_or_stay_behind(service: PrivacyService) -> None:
    officer = await service.member("officer")
    for path in (HOME, SIGN_IN, "/console/cases", "/console/find", "/console/proposals", "/console/nowhere"):
        headers = (await officer.get(path)).headers
        assert "unsafe" not in headers["content-security-policy"]
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert headers["cache-control"] == "no-store"
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"


async def test_the_api_keeps_its_token_and_takes_no_session(service: PrivacyService) -> None:
    officer = await service.member("officer")
    assert (await officer.get("/v1/cases")).status_code == 401
    token = {"authorization": "Bearer officer's token"}
    assert (await service.visitor().http.get("/v1/cases", headers=token)).status_code == 200
    assert (await service.visitor().http.get(HOME, headers=token)).status_code == 303
