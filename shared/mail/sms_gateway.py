"""The SMS gateway's HTTP interface."""

import asyncio
from typing import Annotated

import httpx
from pydantic import BaseModel, StringConstraints, ValidationError

ANSWER_SECONDS = 10.0
PASSING_STATUS = frozenset({408, 425, 429})


class SmsNotAccepted(Exception):
    """The gateway refused this message for good."""

    def __init__(self, code: int) -> None:
        self.code = code
        super().__init__(f"The SMS gateway refused the message for good (HTTP {code}).")


class SmsGatewayAway(Exception):
    """A passing fault: try again later."""


class _Accepted(BaseModel):
    id: Annotated[str, StringConstraints(max_length=100)]


class SmsGateway:
    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http

    async def send(self, *, message_id: str, to: str, text: str) -> str:
        """The gateway's own id. The same message id again is the same message. Raises SmsNotAccepted or SmsGatewayAway,
        with no number."""
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                answer = await self._http.post(
                    "/messages", json={"to": to, "text": text}, headers={"Idempotency-Key": message_id}
                )
        except (httpx.HTTPError, TimeoutError):
            raise SmsGatewayAway from None
        if answer.is_client_error and answer.status_code not in PASSING_STATUS:
            raise SmsNotAccepted(answer.status_code)
        try:
            answer.raise_for_status()
            return _Accepted.model_validate_json(answer.content).id
        except (httpx.HTTPStatusError, ValidationError):
            raise SmsGatewayAway from None
