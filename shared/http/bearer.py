"""Bearer tokens (RFC 6750), compared in constant time."""

import secrets
from collections.abc import Awaitable, Callable

from fastapi import Request
from pydantic import SecretStr

from shared.http.problems import Problem


def require_token(expected: SecretStr, *, role: str) -> Callable[[Request], Awaitable[None]]:
    """A FastAPI dependency: 401 without a token, 403 with another one."""

    async def check(request: Request) -> None:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise Problem(
                401,
                "Sign in",
                f"Send the {role}'s token as 'Authorization: Bearer …'.",
                headers={"WWW-Authenticate": f'Bearer realm="{role}"'},
            )
        if not secrets.compare_digest(token.encode(), expected.get_secret_value().encode()):
            raise Problem(403, "Not yours to do", f"This needs the {role}'s token; the one sent is another.")

    return check
