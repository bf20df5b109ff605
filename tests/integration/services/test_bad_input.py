"""Whatever is sent to an operator's endpoint: a 4xx in problem+json that names field and rule, never the value."""

from typing import Any

import httpx
import pytest

from tests.integration.services.clients import Clients

pytestmark = pytest.mark.integration

CANARY = "+77000000042 Сыдықбекқызы"
TEXTS = {language: {"subject": "s", "body": "b"} for language in ("kk", "ru", "en")}
REQUESTS: list[tuple[str, str, str, dict[str, Any]]] = [
    ("delivery", "GET", "/v1/shipments", {"params": {"order_id": CANARY}}),
    ("delivery", "GET", "/v1/shipments", {"params": {"status": CANARY}}),
    ("delivery", "GET", "/v1/shipments", {"params": {"limit": CANARY}}),
    ("delivery", "GET", "/v1/shipments", {"params": {"limit": "100000"}}),
    ("delivery", "GET", f"/v1/shipments/{CANARY}", {}),
    ("delivery", "GET", f"/v1/shipments/{'0' * 32}", {}),
    ("delivery", "POST", f"/v1/shipments/{CANARY}/hand-over", {}),
    ("delivery", "POST", f"/v1/shipments/{'0' * 32}/hand-over", {}),
    ("delivery", "POST", f"/v1/shipments/{CANARY}/deliver", {}),
    ("delivery", "POST", f"/v1/shipments/{'0' * 32}/deliver", {}),
    ("delivery", "POST", f"/v1/shipments/{CANARY}/return", {}),
    ("delivery", "POST", f"/v1/shipments/{'0' * 32}/return", {}),
    ("delivery", "DELETE", f"/v1/shipments/{'0' * 32}", {}),
    ("notifications", "GET", "/v1/messages", {}),
    ("notifications", "GET", "/v1/messages", {"params": {"order_id": CANARY}}),
    ("notifications", "GET", f"/v1/campaigns/{CANARY}", {}),
    ("notifications", "POST", "/v1/campaigns", {}),
    ("notifications", "POST", "/v1/campaigns", {"content": b"{" + CANARY.encode()}),
    ("notifications", "POST", "/v1/campaigns", {"content": b"\xff\xfe"}),
    ("notifications", "POST", "/v1/campaigns", {"json": [CANARY]}),
    ("notifications", "POST", "/v1/campaigns", {"json": {"campaign_id": CANARY, "texts": TEXTS}}),
    ("notifications", "POST", "/v1/campaigns", {"json": {"campaign_id": "spring", "texts": {"kk": CANARY}}}),
    ("notifications", "POST", "/v1/campaigns", {"json": {"campaign_id": "spring", "texts": TEXTS, "iin": CANARY}}),
    (
        "notifications",
        "POST",
        "/v1/campaigns",
        {
            "json": {
                "campaign_id": "spring",
                "texts": {**TEXTS, "kk": {"subject": f"{CANARY}\r\n\0", "body": "b" * 6_000}},
            }
        },
    ),
]


def client(clients: Clients, service: str) -> httpx.AsyncClient:
    found: httpx.AsyncClient = getattr(clients, service)
    return found


@pytest.mark.parametrize(("service", "method", "path", "request_"), REQUESTS)
async def test_it_is_refused_without_its_value(
    clients: Clients, service: str, method: str, path: str, request_: dict[str, Any]
) -> None:
    answer = await client(clients, service).request(method, path, **request_)
    assert 400 <= answer.status_code < 500
    assert answer.headers["content-type"] == "application/problem+json"
    for part in CANARY.split():
        assert part not in answer.text
    if answer.status_code == 422:
        assert all(error["field"] and error["rule"] for error in answer.json()["errors"])


@pytest.mark.parametrize(("service", "method", "path", "request_"), REQUESTS)
async def test_nobody_gets_in_without_the_operator_s_token(
    clients: Clients, service: str, method: str, path: str, request_: dict[str, Any]
) -> None:
    for token, status in ((None, 401), ("Bearer wrong", 403), ("Basic b3BlcmF0b3I6eA==", 401)):
        headers = {"Authorization": token} if token else {}
        async with httpx.AsyncClient(base_url=client(clients, service).base_url) as stranger:
            answer = await stranger.request(method, path, headers=headers, **request_)
        assert answer.status_code in (status, 405)
        assert answer.headers["content-type"] == "application/problem+json"
