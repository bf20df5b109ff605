"""Whatever a shop sends: a 4xx in problem+json that names field and rule, never the value; and its good orders pass."""

import json
from typing import Any

import httpx
import pytest

from services.intake.routes import MAX_ORDER_BYTES
from shared.messaging.cloudevents import new_id
from tests.builders import a_person, order_form, values_of
from tests.integration.services.clients import Clients

pytestmark = pytest.mark.integration

CANARY = "Сыдықбекқызы +77000000042"
ORDER, NOBODY_S = "/v1/orders", f"/v1/orders/{'0' * 32}"
LINES = {"headers": {"Content-Type": "application/jsonl"}}
REQUESTS: list[tuple[str, str, dict[str, Any], int]] = [
    ("POST", ORDER, {}, 415),
    ("POST", ORDER, {"data": {"phone": CANARY}}, 415),
    ("POST", ORDER, {"content": f"{{{CANARY}".encode(), "headers": {"Content-Type": "application/json"}}, 422),
    ("POST", ORDER, {"content": b"\xff\xfe", "headers": {"Content-Type": "application/json"}}, 422),
    ("POST", ORDER, {"json": [CANARY]}, 422),
    ("POST", ORDER, {"json": order_form(phone=CANARY)}, 422),
    ("POST", ORDER, {"json": order_form(iin=CANARY)}, 422),
    ("POST", ORDER, {"json": order_form(**{CANARY: 1})}, 422),
    ("POST", ORDER, {"json": order_form(items=[])}, 422),
    ("POST", ORDER, {"json": order_form(note=CANARY * 10_000)}, 413),
    ("POST", ORDER, {"json": order_form(), "headers": {"Idempotency-Key": ""}}, 422),
    ("POST", ORDER, {"json": order_form(), "headers": {"Idempotency-Key": "k" * 256}}, 422),
    ("POST", f"{ORDER}/batch", {"json": order_form()}, 415),
    ("POST", f"{ORDER}/batch", {"content": b"\n \n", **LINES}, 422),
    ("GET", f"{ORDER}/{CANARY}", {}, 422),
    ("GET", NOBODY_S, {}, 404),
    ("POST", f"{ORDER}/{CANARY}/cancel", {}, 422),
    ("POST", f"{NOBODY_S}/cancel", {}, 404),
    ("POST", f"{NOBODY_S}/withdraw-consent", {}, 422),
    ("POST", f"{NOBODY_S}/withdraw-consent", {"json": {"scope": CANARY}}, 422),
    ("POST", f"{NOBODY_S}/withdraw-consent", {"json": {"scope": "all", "iin": CANARY}}, 422),
    ("POST", f"{NOBODY_S}/withdraw-consent", {"json": {"scope": "all"}}, 404),
    ("DELETE", NOBODY_S, {}, 405),
]


@pytest.mark.parametrize(("method", "path", "request_", "status"), REQUESTS)
async def test_it_is_refused_without_its_value(
    clients: Clients, method: str, path: str, request_: dict[str, Any], status: int
) -> None:
    answer = await clients.intake.request(method, path, **request_)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    for value in (*CANARY.split(), *values_of(a_person())):
        assert value not in answer.text
    if status in (413, 422):
        assert answer.json()["errors"]
        assert all(error["field"] and error["rule"] for error in answer.json()["errors"])


@pytest.mark.parametrize(("method", "path", "request_", "status"), REQUESTS)
async def test_nobody_gets_in_without_the_shop_s_token(
    clients: Clients, method: str, path: str, request_: dict[str, Any], status: int
) -> None:
    for token, refused in ((None, 401), ("Bearer wrong", 403), ("Basic c2hvcDp4", 401)):
        headers = {**request_.get("headers", {}), **({"Authorization": token} if token else {})}
        async with httpx.AsyncClient(base_url=clients.intake.base_url) as stranger:
            answer = await stranger.request(method, path, **{**request_, "headers": headers})
        assert answer.status_code == refused or status == answer.status_code == 405
        assert answer.headers["content-type"] == "application/problem+json"


async def test_a_body_of_no_declared_length_is_cut_off_too(clients: Clients) -> None:
    async def endless() -> Any:
        for _ in range(100):
            yield b"x" * (MAX_ORDER_BYTES // 10)

    answer = await clients.intake.post(ORDER, content=endless(), headers={"Content-Type": "application/json"})
    assert answer.status_code == 413


async def test_an_order_from_its_placing_to_its_cancelling(clients: Clients) -> None:
    key = {"Idempotency-Key": new_id()}
    placed = await clients.intake.post(ORDER, json=order_form(), headers=key)
    assert placed.status_code == 201
    order = placed.json()
    assert set(order) == {"order_id", "subject_id", "amount_kzt", "status"}
    assert (order["amount_kzt"], order["status"]) == (9_000, "placed")
    assert (await clients.intake.post(ORDER, json=order_form(), headers=key)).json() == order
    reused = await clients.intake.post(ORDER, json=order_form(language="en"), headers=key)
    assert (reused.status_code, reused.json()["errors"][0]["field"]) == (422, "Idempotency-Key")

    path = f"{ORDER}/{order['order_id']}"
    shown = await clients.intake.get(path)
    assert set(shown.json()) == {"order_id", "status", "placed_at"}
    cancelled = await clients.intake.post(f"{path}/cancel")
    assert (cancelled.status_code, cancelled.json()["status"]) == (200, "cancelled")
    withdrawn = await clients.intake.post(f"{path}/withdraw-consent", json={"scope": "promotions"})
    assert withdrawn.status_code == 202


async def test_an_export_is_taken_line_by_line_and_again_with_the_same_answer(clients: Clients) -> None:
    lines = [json.dumps(order_form()), "{", json.dumps(order_form(phone="+7 916 123 45 67")), json.dumps(order_form())]
    headers = {"Content-Type": "application/x-ndjson; charset=utf-8", "Idempotency-Key": new_id()}
    first, again = [
        await clients.intake.post(f"{ORDER}/batch", content="\n".join(lines).encode(), headers=headers) for _ in "12"
    ]
    assert first.status_code == 200
    assert first.json() == again.json()
    assert [line["line"] for line in first.json()["accepted"]] == [1, 4]
    assert [(line["line"], line["errors"][0]["field"]) for line in first.json()["refused"]] == [
        (2, "(whole line)"),
        (3, "phone"),
    ]
    assert "916" not in first.text


async def test_the_interface_is_described(clients: Clients) -> None:
    document = (await clients.intake.get("/openapi.json")).json()
    body = document["paths"][ORDER]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert {"name", "phone", "email", "delivery_address", "items", "consent"} <= set(body["properties"])
    assert body["additionalProperties"] is False
    assert body["properties"]["name"]["required"] == ["family", "given"]
    assert "$defs" not in json.dumps(body)
