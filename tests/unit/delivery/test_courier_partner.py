"""The partner's protocol: one waybill a shipment, faults told from refusals, nothing of a person in an error."""

import httpx
import pytest

from services.delivery.courier_partner import Forgotten, PartnerAway, WaybillRefused
from tests.unit.delivery.partner import that_answers, that_closes_connections, that_is_away

FIELDS = {"phone": "+77000000042", "family_name": "Ойдантегі"}


async def test_a_waybill_has_the_shipment_as_reference_and_key() -> None:
    partner = that_answers(201, {"reference": "s1"})
    await partner.client.take("s1", FIELDS)
    (request,) = partner.asked
    assert request.url.path == "/waybills"
    assert request.headers["idempotency-key"] == "s1"
    assert partner.bodies() == [{"reference": "s1", **FIELDS}]


@pytest.mark.parametrize("status", [301, 408, 425, 429, 500, 502, 503, 504])
async def test_a_passing_fault_is_the_partner_being_away(status: int) -> None:
    with pytest.raises(PartnerAway):
        await that_answers(status).client.take("s1", FIELDS)


async def test_no_connection_is_the_partner_being_away() -> None:
    with pytest.raises(PartnerAway):
        await that_is_away().client.take("s1", FIELDS)


@pytest.mark.parametrize("broken", [httpx.ReadError, httpx.WriteError, httpx.RemoteProtocolError])
async def test_connection_that_is_closed_just_then_is_tried_once_more(broken: type[httpx.TransportError]) -> None:
    partner = that_closes_connections(broken, times=1)
    await partner.client.take("s1", FIELDS)
    assert [request.headers["idempotency-key"] for request in partner.asked] == ["s1", "s1"]
    with pytest.raises(PartnerAway):
        await that_closes_connections(broken, times=2).client.take("s1", FIELDS)


async def test_a_refusal_names_the_code_and_no_value() -> None:
    with pytest.raises(WaybillRefused) as refused:
        await that_answers(422, {"detail": f"{FIELDS['phone']} is wrong"}).client.take("s1", FIELDS)
    assert "422" in str(refused.value)
    assert FIELDS["phone"] not in str(refused.value)
    assert refused.value.__cause__ is None


async def test_forgetting_tells_the_known_from_the_unknown() -> None:
    partner = that_answers(200, {"forgotten": ["s1"], "unknown": ["s2"]})
    assert await partner.client.forget(["s1", "s2"]) == Forgotten(forgotten={"s1"}, unknown={"s2"})
    assert partner.bodies() == [{"references": ["s1", "s2"]}]


@pytest.mark.parametrize("body", [None, [], {"forgotten": ["s1"]}, {"forgotten": 1, "unknown": 2}])
async def test_an_answer_that_says_nothing_is_asked_again(body: object) -> None:
    with pytest.raises(PartnerAway):
        await that_answers(200, body).client.forget(["s1"])


async def test_a_correction_names_the_waybill_its_number_and_what_changed() -> None:
    partner = that_answers(200, {"reference": "s1"})
    await partner.client.correct("s1", 3, {"phone": FIELDS["phone"], "patronymic": None})
    (request,) = partner.asked
    assert (request.method, request.url.path) == ("PATCH", "/waybills/s1")
    assert partner.bodies() == [{"sequence": 3, "fields": {"phone": FIELDS["phone"], "patronymic": None}}]


@pytest.mark.parametrize("status", [404, 410, 422])
async def test_a_refused_correction_names_the_code_and_no_value(status: int) -> None:
    with pytest.raises(WaybillRefused, match=str(status)) as refused:
        await that_answers(status, {"detail": FIELDS["phone"]}).client.correct("s1", 1, FIELDS)
    assert FIELDS["phone"] not in str(refused.value)
