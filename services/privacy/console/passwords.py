"""Passwords as argon2id hashes (RFC 9106). An unknown name costs the same time as a wrong password."""

import asyncio
import secrets
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError

AT_ONCE: Final = 2  # each takes 64 MiB and a core: guesses must not starve the erasures
SHORTEST: Final = 12


class Passwords:
    def __init__(self) -> None:
        self._hasher = PasswordHasher()
        self._nobody = self._hasher.hash(secrets.token_urlsafe(24))
        self._turn = asyncio.Semaphore(AT_ONCE)

    def __repr__(self) -> str:
        return "Passwords()"

    def hash(self, password: str) -> str:
        return self._hasher.hash(password)

    async def fits(self, password: str, hashed: str | None) -> bool:
        """None: nobody has that name, or no password of theirs is kept here; never fits."""
        async with self._turn:
            same = await asyncio.to_thread(self._verify, password, hashed or self._nobody)
        return same and hashed is not None

    def _verify(self, password: str, hashed: str) -> bool:
        try:
            return self._hasher.verify(hashed, password)
        except (VerifyMismatchError, InvalidHashError):
            return False


def new_password() -> str:
    """144 random bits, to be typed once and kept in a password manager."""
    return secrets.token_urlsafe(18)
