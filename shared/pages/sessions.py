"""Who is signed in, kept by the service and not by the browser: it holds a random token, MongoDB that token's hash.

Signing in gives a new token (session fixation), signing out destroys it, and erasing a person destroys theirs.
"""

import hashlib
import json
import time
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from fastapi import Request
from starsessions import SessionStore
from starsessions.session import get_session_handler

from shared.stores.mongo import Database, expire_after

COLLECTION: Final = "sessions"
COOKIE: Final = "__Host-session"
AT_ONCE: Final = timedelta(0)


class MongoSessionStore(SessionStore):
    """Documents `{_id: hash of the token, who, role, data, expires_at}`; they go by themselves."""

    def __init__(self, database: Database) -> None:
        self._sessions = database[COLLECTION]

    async def ensure_indexes(self) -> None:
        await expire_after(self._sessions, "expires_at", AT_ONCE)

    async def read(self, session_id: str, lifetime: int) -> bytes:
        query = {"_id": _hash(session_id), "expires_at": {"$gt": datetime.now(UTC)}}
        found = await self._sessions.find_one(query, {"data": 1})
        return bytes(found["data"]) if found else b""

    async def write(self, session_id: str, data: bytes, lifetime: int, ttl: int) -> str:
        session: dict[str, Any] = json.loads(data)
        document = {
            "who": session.get("who"),
            "role": session.get("role"),
            "data": data,
            "expires_at": datetime.now(UTC) + timedelta(seconds=ttl),
        }
        await self._sessions.update_one({"_id": _hash(session_id)}, {"$set": document}, upsert=True)
        return session_id

    async def remove(self, session_id: str) -> None:
        await self._sessions.delete_one({"_id": _hash(session_id)})


async def begin(request: Request, *, who: str, role: str, most: timedelta) -> None:
    """Sign in as `who` (an id, never a name or address) in this role, for `most` at the longest, under a new token."""
    handler = get_session_handler(request)
    await handler.destroy()
    request.session.clear()
    handler.regenerate_id()
    request.session.update(who=who, role=role, until=time.time() + most.total_seconds())


def end(request: Request) -> None:
    """Sign out: the answer takes the cookie away and the session is destroyed."""
    request.session.clear()


def signed_in(request: Request, role: str) -> str | None:
    """Who is signed in in this role, or None."""
    session = request.session
    if session.get("role") != role or session.get("until", 0) < time.time():
        return None
    return str(session["who"])


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
