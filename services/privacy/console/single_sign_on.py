"""Sign in through an OpenID Connect provider (authorization code with PKCE, state and nonce), where one is set.

What people there may do here, a claim says: settings map its values to the two roles. Whoever has neither is refused.
"""

from collections.abc import Mapping
from typing import Any, Final

import structlog
from authlib.common.errors import AuthlibBaseError
from authlib.integrations.starlette_client import OAuth
from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response
from httpx import HTTPError
from pydantic import SecretStr

from services.privacy.console.account_store import AccountStore
from services.privacy.console.doors import HOME, SIGN_IN
from services.privacy.console.roles import Role
from services.privacy.console.sign_in_pages import welcome
from shared.http.problems import Problem
from shared.messaging.worker import Clock
from shared.observability.metrics import SIGN_IN_FAILURES

NAME: Final = "provider"
LONGEST_NAME: Final = 64
log = structlog.get_logger()


class SingleSignOn:
    """`roles`: value of the claim → role here; a person with both is an officer, who grants nothing."""

    def __init__(
        self,
        accounts: AccountStore,
        clock: Clock,
        *,
        issuer: str,
        client_id: str,
        client_secret: SecretStr,
        claim: str,
        roles: Mapping[str, Role],
    ) -> None:
        self._accounts = accounts
        self._clock = clock
        self._claim = claim
        self._roles = roles
        SIGN_IN_FAILURES.labels("single_sign_on")  # a series that exists from the start shows its first increase
        registry = OAuth()
        self._provider = registry.register(
            NAME,
            client_id=client_id,
            client_secret=client_secret.get_secret_value(),
            server_metadata_url=f"{issuer.rstrip('/')}/.well-known/openid-configuration",
            client_kwargs={"scope": "openid profile", "code_challenge_method": "S256"},
        )
        self.router = APIRouter(prefix=f"{SIGN_IN}/provider", include_in_schema=False)
        self.router.get("")(self.begin)
        self.router.get("/done", name="single_sign_on_done")(self.done)

    async def begin(self, request: Request) -> Response:
        """To the provider, with a state and a nonce that its answer must bring back to this browser's session."""
        try:
            answer: Response = await self._provider.authorize_redirect(request, request.url_for("single_sign_on_done"))
        except HTTPError as error:
            log.warning("sign_in_provider_away", error=type(error).__name__)
            raise Problem(503, "The sign-in provider is away", "Try again, or sign in with a password.") from None
        return RedirectResponse(answer.headers["location"], 303)

    async def done(self, request: Request) -> Response:
        """Back from the provider. Authlib checks state, nonce, issuer, audience, signature and time."""
        try:
            token = await self._provider.authorize_access_token(request)
        except (AuthlibBaseError, HTTPError, ValueError, KeyError) as error:
            SIGN_IN_FAILURES.labels("single_sign_on").inc()
            log.warning("sign_in_refused", error=type(error).__name__)
            raise Problem(401, "You are not signed in", "The provider's answer does not fit. Begin again.") from None
        claims: Mapping[str, Any] = token.get("userinfo") or {}
        role = self.role_of(claims)
        if role is None or not claims.get("sub"):
            SIGN_IN_FAILURES.labels("single_sign_on").inc()
            raise Problem(403, "Not yours to do", "The provider gives you no role of this console.")
        known_as = str(claims.get("name") or claims.get("preferred_username") or claims["sub"])[:LONGEST_NAME]
        identity = f"{claims['iss']} {claims['sub']}"
        account = await self._accounts.of_identity(identity, known_as, role, await self._clock())
        if account.disabled_at is not None:
            SIGN_IN_FAILURES.labels("single_sign_on").inc()
            raise Problem(403, "Not yours to do", "This account is disabled.")
        return await welcome(request, account.staff, HOME)

    def role_of(self, claims: Mapping[str, Any]) -> Role | None:
        given = claims.get(self._claim)
        values = given if isinstance(given, list) else [given]
        found = {self._roles[value] for value in values if isinstance(value, str) and value in self._roles}
        return "officer" if "officer" in found else next(iter(found), None)
