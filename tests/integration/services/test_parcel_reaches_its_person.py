"""From the order to the door: what the partner gets, what the person is told, what the logs keep quiet about."""

import pytest

from deploy.local.outside import jsonl
from deploy.local.stack import LocalStack
from shared.policy.load import load_policy
from tests.builders import a_person, values_of
from tests.integration.services.clients import Clients

pytestmark = [pytest.mark.integration, pytest.mark.slow]


async def test_the_parcel_is_handed_over_delivered_and_told_of(clients: Clients, stack: LocalStack) -> None:
    person = a_person(email="door@example.kz")
    order_id = await clients.place(person)
    shipment = await clients.shipment_of(order_id)
    path = f"/v1/shipments/{shipment['shipment_id']}"
    handed_over = (await clients.delivery.post(f"{path}/hand-over")).json()
    assert set(handed_over["disclosed_fields"]) == load_policy().fields_for("delivery", "3.2.3")
    waybill = next(
        line for line in jsonl.read(stack.layout.partner_log) if line.get("reference") == shipment["shipment_id"]
    )
    assert waybill["fields"]["phone"] == person.phone
    assert set(waybill["fields"]) == set(handed_over["disclosed_fields"])
    assert (await clients.delivery.post(f"{path}/deliver")).json()["status"] == "delivered"
    messages = await clients.messages_of(order_id, lambda found: len([m for m in found if m["state"] == "sent"]) == 5)
    assert {message["kind"] for message in messages} == {
        "order_confirmation",
        "shipment_handed_over",
        "shipment_delivered",
    }


async def test_a_partner_that_is_away_is_a_503_that_may_be_repeated(clients: Clients, stack: LocalStack) -> None:
    shipment = await clients.shipment_of(await clients.place(a_person(email="away@example.kz")))
    path = f"/v1/shipments/{shipment['shipment_id']}"
    await stack.stop("partner")
    answer = await clients.delivery.post(f"{path}/hand-over")
    assert (answer.status_code, answer.headers["content-type"]) == (503, "application/problem+json")
    assert answer.headers["retry-after"]
    assert (await clients.delivery.get(path)).json() == shipment
    await stack.start("partner")
    assert (await clients.delivery.post(f"{path}/hand-over")).json()["status"] == "handed_over"


async def test_a_wrong_state_names_the_rule_and_the_remedy(clients: Clients) -> None:
    shipment = await clients.shipment_of(await clients.place(a_person(email="state@example.kz")))
    answer = await clients.delivery.post(f"/v1/shipments/{shipment['shipment_id']}/deliver")
    assert answer.status_code == 409
    assert answer.json()["detail"] == "The shipment is awaiting courier. Hand it over first."


async def test_a_campaign_counts_whom_it_refuses(clients: Clients) -> None:
    chose = await clients.place(a_person(email="chose@example.kz", phone="+77000000077"), promotions=True)
    await clients.messages_of(chose, lambda found: any(m["state"] == "sent" for m in found))
    texts = {language: {"subject": "Наурыз", "body": "−10 %"} for language in ("kk", "ru", "en")}
    answer = await clients.notifications.post("/v1/campaigns", json={"campaign_id": "nauryz", "texts": texts})
    assert answer.status_code == 202
    assert answer.json()["queued"] == 1
    await clients.messages_of(chose, lambda found: any((m["kind"], m["state"]) == ("promotion", "sent") for m in found))
    assert (await clients.notifications.get("/v1/campaigns/nauryz")).json()["messages"] == {"sent": 1}


@pytest.mark.canary
async def test_no_log_of_a_whole_run_shows_a_person(clients: Clients, stack: LocalStack) -> None:
    person = a_person(email="quiet.canary@example.kz", phone="+77000000078", family_name="Жасырынова")
    shipment = await clients.shipment_of(await clients.place(person, promotions=True))
    path = f"/v1/shipments/{shipment['shipment_id']}"
    await stack.stop("partner")
    await stack.stop("mail")
    await clients.delivery.post(f"{path}/hand-over")
    await clients.delivery.get("/v1/shipments", params={"order_id": person.phone})
    await clients.notifications.post("/v1/campaigns", json={"campaign_id": person.email})
    await stack.start("partner")
    await stack.start("mail")
    await clients.delivery.post(f"{path}/hand-over")
    await clients.messages_of(shipment["order_id"], lambda found: all(m["state"] == "sent" for m in found))
    logs = {path.name: path.read_bytes() for path in stack.layout.log.glob("*.log")}
    assert b"envelope_opened" in logs["delivery.log"] + logs["notifications.log"]
    for name in ("intake.log", "delivery.log", "notifications.log"):
        for value in values_of(person):
            assert value.encode() not in logs[name]
            assert value.encode("ascii", "backslashreplace") not in logs[name]
