"""A courier partner that answers as a test says, and keeps what it was asked."""

import json
from collections.abc import Callable
from typing import Any

import httpx

from services.delivery.courier_partner import CourierPartner


class Partner:
    def __init__(self, answer: Callable[[httpx.Request], httpx.Response]) -> None:
        self.asked: list[httpx.Request] = []
        self._answer = answer
        self.client = CourierPartner(
            httpx.AsyncClient(transport=httpx.MockTransport(self._take), base_url="http://partner.example")
        )

    def bodies(self) -> list[Any]:
        return [json.loads(request.content) for request in self.asked]

    def _take(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        return self._answer(request)


def that_answers(status: int, body: Any = None) -> Partner:
    return Partner(lambda request: httpx.Response(status, json=body))


def that_is_away() -> Partner:
    def refuse(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("no route", request=request)

    return Partner(refuse)


def that_closes_connections(how: type[httpx.TransportError], *, times: int) -> Partner:
    """So many times, and takes what comes after that."""

    def answer(request: httpx.Request) -> httpx.Response:
        if len(partner.asked) <= times:
            raise how("closed", request=request)
        return httpx.Response(201, json={})

    partner = Partner(answer)
    return partner
