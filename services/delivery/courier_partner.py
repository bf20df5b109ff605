"""The courier partner's HTTP interface: take a waybill, correct it, forget a recipient."""

import asyncio
import random
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import httpx
from pydantic import BaseModel, ValidationError

RECIPIENT = "courier_partner"  # the class of clause 4.3.2
ANSWER_SECONDS = 10.0
LONGEST_DELAY_SECONDS = 300.0
BROKEN = (httpx.ReadError, httpx.WriteError, httpx.RemoteProtocolError)
PASSING_STATUS = frozenset({408, 425, 429})


class PartnerAway(Exception):
    """A passing fault. What was sent may have arrived all the same."""

    def __init__(self) -> None:
        super().__init__("The courier partner does not answer now. Try again later.")


class WaybillRefused(Exception):
    def __init__(self, code: int) -> None:
        super().__init__(
            f"The courier partner refuses the waybill (HTTP {code}). "
            "Ask it which field it misses, and whether the policy grants that field to delivery."
        )


class Forgotten(BaseModel):
    """References it had and has forgotten, and those it never had."""

    forgotten: frozenset[str]
    unknown: frozenset[str]


class CourierPartner:
    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http

    async def take(self, shipment_id: str, fields: Mapping[str, Any]) -> None:
        """The partner has the parcel's waybill when this returns; the same shipment again is the same waybill.
        Raises PartnerAway, WaybillRefused. Neither holds a value."""
        answer = await self._ask(
            "POST", "/waybills", {"reference": shipment_id, **fields}, headers={"Idempotency-Key": shipment_id}
        )
        if answer.is_client_error:
            raise WaybillRefused(answer.status_code)

    async def correct(self, shipment_id: str, sequence: int, fields: Mapping[str, Any]) -> None:
        """The partner has the corrected fields when this returns; null removes one. What it was told under a greater
        sequence stays, and under the same one is added to: telling late or twice is harmless. Raises PartnerAway,
        WaybillRefused, also where the partner has no such waybill. Neither holds a value."""
        answer = await self._ask("PATCH", f"/waybills/{shipment_id}", {"sequence": sequence, "fields": dict(fields)})
        if answer.is_client_error:
            raise WaybillRefused(answer.status_code)

    async def forget(self, shipment_ids: Sequence[str]) -> Forgotten:
        """Raises PartnerAway, also where the answer can't be understood."""
        answer = await self._ask("POST", "/forget", {"references": list(shipment_ids)})
        try:
            return Forgotten.model_validate_json(answer.content)
        except ValidationError:
            raise PartnerAway from None

    async def _ask(
        self, method: str, path: str, body: Mapping[str, Any], headers: Mapping[str, str] | None = None
    ) -> httpx.Response:
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                answer = await self._request(method, path, json=body, headers=headers)
        except (httpx.HTTPError, TimeoutError):
            raise PartnerAway from None
        if not answer.is_success and (not answer.is_client_error or answer.status_code in PASSING_STATUS):
            raise PartnerAway
        return answer

    async def _request(self, method: str, path: str, **request: Any) -> httpx.Response:
        """A connection that was kept may be closed by the partner in this very moment: then once more, on another. The
        same thing told twice is the same thing."""
        try:
            return await self._http.request(method, path, **request)
        except BROKEN:
            return await self._http.request(method, path, **request)


def again_after(attempts: int) -> timedelta:
    """How long a partner that was away is left alone, after so many attempts."""
    return timedelta(seconds=min(LONGEST_DELAY_SECONDS, 2.0 ** min(attempts, 10)) * (0.5 + random.random() / 2))
