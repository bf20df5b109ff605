"""Taking one grant out of the policy file changes what intake seals and what the courier partner gets; nothing else is
edited."""

from pathlib import Path

import pytest

from deploy.local.outside import jsonl
from deploy.local.stack import local_stack
from shared.policy.load import load_policy
from tests.builders import a_person
from tests.integration.services.clients import clients_of
from tests.unit.policy.a_policy import policy_text

pytestmark = [pytest.mark.integration, pytest.mark.slow]


async def test_the_partner_gets_one_field_less(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    edited = tmp_path / "policy.yaml"
    edited.write_text(policy_text(lambda rows: rows["fields"]["phone"]["grants"].pop("delivery")), encoding="utf-8")
    monkeypatch.setenv("SEALED_POLICY", str(edited))
    async with (
        local_stack(tmp_path / "var", services=("intake", "delivery", "notifications")) as stack,
        clients_of(stack) as clients,
    ):
        shipment = await clients.shipment_of(await clients.place(a_person()))
        answer = await clients.delivery.post(f"/v1/shipments/{shipment['shipment_id']}/hand-over")
        (waybill,) = jsonl.read(stack.layout.partner_log)
    monkeypatch.delenv("SEALED_POLICY")
    before = load_policy().fields_for("delivery", "3.2.3")
    assert set(waybill["fields"]) == set(answer.json()["disclosed_fields"]) == before - {"phone"}
