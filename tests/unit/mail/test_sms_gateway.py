"""The gateway's protocol: one id a message, passing faults told from refusals, no number in an error."""

import json
from typing import Any

import httpx
import pytest

from shared.mail.sms_gateway import SmsGateway, SmsGatewayAway, SmsNotAccepted

NUMBER = "+77000000042"


def a_gateway(status: int, body: Any = None, asked: list[httpx.Request] | None = None) -> SmsGateway:
    def take(request: httpx.Request) -> httpx.Response:
        if asked is not None:
            asked.append(request)
        return httpx.Response(status, json=body)

    return SmsGateway(httpx.AsyncClient(transport=httpx.MockTransport(take), base_url="http://sms.example"))


async def test_a_message_is_sent_under_its_own_key() -> None:
    asked: list[httpx.Request] = []
    gateway = a_gateway(202, {"id": "g1"}, asked)
    assert await gateway.send(message_id="m1", to=NUMBER, text="Сәлем") == "g1"
    assert asked[0].headers["idempotency-key"] == "m1"
    assert json.loads(asked[0].content) == {"to": NUMBER, "text": "Сәлем"}


@pytest.mark.parametrize(("status", "body"), [(429, None), (500, None), (503, None), (202, {"no": "id"}), (302, None)])
async def test_a_passing_fault_is_the_gateway_being_away(status: int, body: Any) -> None:
    with pytest.raises(SmsGatewayAway):
        await a_gateway(status, body).send(message_id="m1", to=NUMBER, text="x")


async def test_a_refusal_holds_the_code_and_no_number() -> None:
    with pytest.raises(SmsNotAccepted) as refused:
        await a_gateway(422, {"detail": NUMBER}).send(message_id="m1", to=NUMBER, text="x")
    assert refused.value.code == 422
    assert NUMBER not in str(refused.value)


async def test_no_connection_is_the_gateway_being_away() -> None:
    gateway = SmsGateway(httpx.AsyncClient(base_url="http://127.0.0.1:9", trust_env=False))
    with pytest.raises(SmsGatewayAway):
        await gateway.send(message_id="m1", to=NUMBER, text="x")
