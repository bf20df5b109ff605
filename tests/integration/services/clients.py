"""The services of a running stack over HTTP, each with its token, and patience for what is on its way between them."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import httpx

from deploy.local.stack import LocalStack
from shared.contracts.personal import PersonalData
from shared.messaging.cloudevents import new_id
from tests.builders import order_form

T = TypeVar("T")
PATIENCE_SECONDS = 60.0


async def until(ask: Callable[[], Awaitable[T]], holds: Callable[[T], Any]) -> T:
    """Ask until the answer holds; a service that is just being started again has time to come back."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            try:
                if holds(answer := await ask()):
                    return answer
            except httpx.TransportError:
                pass
            await asyncio.sleep(0.1)


class Clients:
    def __init__(self, stack: LocalStack) -> None:
        tokens = stack.info.tokens
        self.intake = _client(stack, "intake", tokens.shop)
        self.delivery = _client(stack, "delivery", tokens.operator)
        self.notifications = _client(stack, "notifications", tokens.operator)

    async def place(self, person: PersonalData, **choices: Any) -> str:
        """Order id."""
        answer = await self.intake.post(
            "/v1/orders", json=order_form(person, **choices), headers={"Idempotency-Key": new_id()}
        )
        assert answer.status_code == 201, answer.text
        return str(answer.json()["order_id"])

    async def place_many(self, people: Sequence[PersonalData]) -> None:
        lines = "\n".join(json.dumps(order_form(person)) for person in people)
        headers = {"Idempotency-Key": new_id(), "Content-Type": "application/jsonl"}
        answer = await self.intake.post("/v1/orders/batch", content=lines.encode(), headers=headers)
        assert answer.is_success, answer.text

    async def shipment_of(self, order_id: str) -> dict[str, Any]:
        async def ask() -> list[dict[str, Any]]:
            answer = await self.delivery.get("/v1/shipments", params={"order_id": order_id})
            return list(answer.json()["shipments"])

        (shipment,) = await until(ask, len)
        return dict(shipment)

    async def messages_of(self, order_id: str, holds: Callable[[list[dict[str, Any]]], Any]) -> list[dict[str, Any]]:
        async def ask() -> list[dict[str, Any]]:
            answer = await self.notifications.get("/v1/messages", params={"order_id": order_id})
            return list(answer.json()["messages"])

        return await until(ask, holds)


def _client(stack: LocalStack, service: str, token: str) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        base_url=stack.info.services[service].url, headers={"Authorization": f"Bearer {token}"}, timeout=30
    )


@asynccontextmanager
async def clients_of(stack: LocalStack) -> AsyncIterator[Clients]:
    clients = Clients(stack)
    async with clients.intake, clients.delivery, clients.notifications:
        yield clients
