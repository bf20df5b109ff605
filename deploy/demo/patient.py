"""HTTP calls that outlive a service being killed: the same request again until it is answered.

Safe because every request here is idempotent: by its Idempotency-Key, or because the act itself is.
"""

import asyncio
from typing import Any

import httpx

PATIENCE_SECONDS = 60.0
AGAIN = frozenset({500, 502, 503, 504})


class Refused(Exception):
    """The service answered with a problem. `status` and its rule."""

    def __init__(self, status: int, title: str, detail: str) -> None:
        self.status = status
        super().__init__(f"{status}: {title}. {detail}")


class PatientApi:
    """One service with one token. `transport`: how a request gets there, by default straight."""

    def __init__(self, url: str, token: str, transport: httpx.AsyncBaseTransport | None = None) -> None:
        headers = {"Authorization": f"Bearer {token}"}
        self._http = httpx.AsyncClient(base_url=url, headers=headers, timeout=30, transport=transport)

    async def get(self, path: str, **params: str) -> Any:
        return await self._ask("GET", path, params=params)

    async def post(self, path: str, body: Any = None, *, key: str | None = None) -> Any:
        """`body` as JSON."""
        return await self._ask("POST", path, headers={"Idempotency-Key": key} if key else {}, json=body)

    async def post_lines(self, path: str, lines: bytes, *, key: str) -> Any:
        """JSON Lines, as they are."""
        headers = {"Idempotency-Key": key, "Content-Type": "application/jsonl"}
        return await self._ask("POST", path, headers=headers, content=lines)

    async def close(self) -> None:
        await self._http.aclose()

    async def _ask(self, method: str, path: str, **request: Any) -> Any:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                try:
                    answer = await self._http.request(method, path, **request)
                    if answer.status_code not in AGAIN:
                        break
                except httpx.TransportError:
                    pass
                await asyncio.sleep(0.3)
        if answer.is_error:
            problem = answer.json()
            raise Refused(answer.status_code, problem.get("title", ""), problem.get("detail", ""))
        return answer.json()
