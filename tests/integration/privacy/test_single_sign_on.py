"""Signing in through an OpenID Connect provider, against one on loopback."""

from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from oidc_provider_mock import User, run_server_in_thread

from deploy.local.stack import LocalStack
from services.privacy.console.doors import HOME, SIGN_IN
from shared.stores.mongo import Client
from tests.integration.privacy.a_console import PrivacyService, Visitor

pytestmark = pytest.mark.integration
BEGIN, DONE = f"{SIGN_IN}/provider", f"{SIGN_IN}/provider/done"
OFFICER, APPROVER, BOTH, NEITHER = ("0f" * 16, "ab" * 16, "b0" * 16, "00" * 16)
GROUPS = {OFFICER: ["others", "officers"], APPROVER: "approvers", BOTH: ["approvers", "officers"], NEITHER: ["others"]}


@dataclass(frozen=True)
class Provider:
    url: str
    service: PrivacyService

    async def begin(self, visitor: Visitor) -> str:
        """The provider's address the visitor is sent to."""
        answer = await visitor.get(BEGIN)
        assert answer.status_code == 303, answer.text
        assert answer.headers["location"].startswith(f"{self.url}/")
        return str(answer.headers["location"])

    async def agree(self, address: str, person: str) -> str:
        """Sign in there; the address the provider sends the browser back to."""
        async with httpx.AsyncClient(trust_env=False) as browser:
            answer = await browser.post(address, data={"sub": person})
        assert answer.status_code == 302, answer.text
        return str(answer.headers["location"])

    async def sign_in(self, visitor: Visitor, person: str) -> httpx.Response:
        back = await self.agree(await self.begin(visitor), person)
        return await visitor.get(back)


@pytest.fixture
def provider(stores: LocalStack, mongo: Client) -> Iterator[Provider]:
    people = [User(sub=sub, claims={"name": f"name of {sub}", "roles": given}) for sub, given in GROUPS.items()]
    with run_server_in_thread(user_claims=people, require_nonce=True) as server:
        url = f"http://localhost:{server.server_port}"
        settings = {
            "SEALED_OIDC_ISSUER": url,
            "SEALED_OIDC_CLIENT_ID": "console",
            "SEALED_OIDC_CLIENT_SECRET": "a secret",
            "SEALED_OIDC_ROLES": {"officers": "officer", "approvers": "approver"},
        }
        yield Provider(url, PrivacyService(stores, mongo, **settings))


@pytest.mark.parametrize(
    ("person", "opened", "refused"),
    [
        (OFFICER, "/console/find", None),
        (APPROVER, "/console/proposals", "/console/find"),
        (BOTH, "/console/find", None),
    ],
)
async def test_the_provider_s_claim_gives_the_role(
    provider: Provider, person: str, opened: str, refused: str | None
) -> None:
    visitor = provider.service.visitor()
    answer = await provider.sign_in(visitor, person)
    assert (answer.status_code, answer.headers["location"]) == (303, HOME)
    assert f"name of {person}" in (await visitor.get(opened)).text
    if refused:
        assert (await visitor.get(refused)).status_code == 403


async def test_whoever_has_no_role_there_is_refused(provider: Provider) -> None:
    visitor = provider.service.visitor()
    assert (await provider.sign_in(visitor, NEITHER)).status_code == 403
    assert (await visitor.get(HOME)).status_code == 303


async def test_it_asks_with_state_nonce_and_a_code_challenge(provider: Provider) -> None:
    asked = [parse_qs(urlsplit(await provider.begin(provider.service.visitor())).query) for _ in range(2)]
    for query in asked:
        assert query["code_challenge_method"] == ["S256"]
        assert query["response_type"] == ["code"]
        assert query["redirect_uri"] == [f"https://console.example.kz{DONE}"]
    for name in ("state", "nonce", "code_challenge"):
        assert asked[0][name] != asked[1][name]


async def test_an_answer_for_another_browser_is_refused(provider: Provider) -> None:
    """Somebody else's code, sent to a person to sign them in as that somebody."""
    back = await provider.agree(await provider.begin(provider.service.visitor()), OFFICER)
    victim = provider.service.visitor()
    await provider.begin(victim)
    assert (await victim.get(back)).status_code == 401
    assert (await victim.get(HOME)).status_code == 303


async def test_an_answer_is_taken_once_and_only_whole(provider: Provider) -> None:
    visitor = provider.service.visitor()
    back = await provider.agree(await provider.begin(visitor), OFFICER)
    state = parse_qs(urlsplit(back).query)["state"][0]
    for forged in (
        DONE,
        f"{DONE}?state={state}",
        f"{DONE}?code=x&state=x",
        f"{DONE}?error=access_denied&state={state}",
    ):
        assert (await provider.service.visitor().get(forged)).status_code == 401
    assert (await visitor.get(back)).status_code == 303
    stranger = provider.service.visitor()
    assert (await stranger.get(back)).status_code == 401


async def test_the_session_is_a_new_one(provider: Provider) -> None:
    visitor = provider.service.visitor()
    address = await provider.begin(visitor)
    before = visitor.session
    await visitor.get(await provider.agree(address, OFFICER))
    assert before
    assert visitor.session != before


async def test_one_disabled_here_stays_out(provider: Provider) -> None:
    await provider.sign_in(provider.service.visitor(), OFFICER)
    officers = provider.service.database["officers"]
    await officers.update_one({"identity": f"{provider.url} {OFFICER}"}, {"$set": {"disabled_at": "since then"}})
    assert (await provider.sign_in(provider.service.visitor(), OFFICER)).status_code == 403


async def test_a_provider_that_is_away_is_said_and_passwords_go_on(stores: LocalStack, mongo: Client) -> None:
    settings = {
        "SEALED_OIDC_ISSUER": "http://127.0.0.1:1",
        "SEALED_OIDC_CLIENT_ID": "c",
        "SEALED_OIDC_CLIENT_SECRET": "s",
    }
    service = PrivacyService(stores, mongo, **settings)
    assert (await service.visitor().get(BEGIN)).status_code == 503
    await service.member("officer")


async def test_without_a_provider_there_is_no_way_to_it(stores: LocalStack, mongo: Client) -> None:
    visitor = PrivacyService(stores, mongo).visitor()
    assert (await visitor.get(BEGIN)).status_code == 404
    assert BEGIN not in (await visitor.get(SIGN_IN)).text
