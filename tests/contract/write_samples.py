"""Write golden samples that are missing: `python -m tests.contract.write_samples`. An existing one is never touched:
it is what an older publisher has sent, and today's code must still read it."""

import json
from datetime import UTC, date, datetime
from typing import Any

import tink
from tink import json_proto_keyset_format, secret_key_access
from tink.aead import Aead

from shared.contracts.cases import CaseMoved
from shared.contracts.consents import ConsentGiven, ConsentWithdrawn
from shared.contracts.erasure import (
    EraseSubject,
    RecipientAnswered,
    RestrictSubject,
    SubjectErased,
    SubjectRestricted,
)
from shared.contracts.inspections import InspectSubject, SubjectInspected
from shared.contracts.ledger import LedgerHeadMoved
from shared.contracts.orders import OrderCancelled, OrderCorrected, OrderPlaced
from shared.contracts.shipments import CorrectionDisclosed, ShipmentDelivered, ShipmentHandedOver, ShipmentReturned
from shared.contracts.store_samples import CollectionSample, StoreSampled
from shared.contracts.suppressions import SubjectSuppressed
from shared.messaging.cloudevents import Outgoing, headers_of
from shared.policy.load import load_policy
from shared.sealing.envelope import Binding, seal
from shared.sealing.subject_keys import TEMPLATE
from tests.builders import a_person
from tests.contract.samples import FOLDER, Published, readers_of

WHEN = datetime(2026, 3, 2, 7, 0, 0, 123000, tzinfo=UTC)
SUBJECT, EVENT, CASE = "5ab1ec75" * 4, "e7e47e7e" * 4, "ca5eca5e" * 4
ORDER, SHIPMENT, CONSENT, DISCLOSURE = "04de4004" * 4, "541b5417" * 4, "c0c5e477" * 4, "d15c1050" * 4
INSPECTION = "1257ec71" * 4
ABOUT: dict[str, Any] = {"subject_id": SUBJECT}
COUNTS = {"matched": 4, "destroyed": 2, "depersonalised": 0, "deferred": 1, "kept": 1, "residual": 0}


def published(sealed: dict[str, bytes]) -> list[Published]:
    return [
        OrderPlaced(
            **ABOUT,
            order_id=ORDER,
            placed_at=WHEN,
            payment_method="on_delivery",
            consent_id=CONSENT,
            promotions=True,
            item_count=2,
            sealed=sealed,
        ),
        OrderCancelled(**ABOUT, order_id=ORDER, cancelled_at=WHEN),
        OrderCorrected(
            **ABOUT,
            order_id=ORDER,
            placed_at=WHEN,
            payment_method="on_delivery",
            sequence=3,
            corrected_at=WHEN,
            fields=("phone",),
            sealed=sealed,
        ),
        ShipmentHandedOver(
            **ABOUT,
            shipment_id=SHIPMENT,
            order_id=ORDER,
            handed_over_at=WHEN,
            recipient="courier_partner",
            disclosed_fields=("family_name", "phone"),
        ),
        CorrectionDisclosed(
            **ABOUT,
            shipment_id=SHIPMENT,
            order_id=ORDER,
            sequence=3,
            disclosed_at=WHEN,
            recipient="courier_partner",
            disclosed_fields=("phone",),
        ),
        ShipmentDelivered(**ABOUT, shipment_id=SHIPMENT, order_id=ORDER, delivered_at=WHEN),
        ShipmentReturned(**ABOUT, shipment_id=SHIPMENT, order_id=ORDER, returned_at=WHEN),
        ConsentGiven(
            **ABOUT,
            consent_id=CONSENT,
            policy_version="2026-01",
            text_sha256="0" * 64,
            language="kk",
            promotions=True,
            given_at=WHEN,
        ),
        ConsentWithdrawn(**ABOUT, scope="all", channel="my-data", received_at=WHEN),
        RestrictSubject(**ABOUT, case_id=CASE, store="delivery", scope="all"),
        EraseSubject(**ABOUT, case_id=CASE, store="delivery", round=2, open_orders=(ORDER,)),
        SubjectRestricted(
            **ABOUT,
            case_id=CASE,
            store="intake",
            scope="all",
            restricted_at=WHEN,
            records=3,
            open_orders=(ORDER,),
            sealed=sealed,
        ),
        SubjectErased.model_validate(
            {
                **ABOUT,
                "case_id": CASE,
                "store": "delivery",
                "round": 1,
                "erased_at": WHEN,
                "collections": {"shipments": COUNTS},
                "disclosures": [DISCLOSURE],
                "signature": {"key_id": "delivery-sample", "value": "c2FtcGxl"},
            }
        ),
        RecipientAnswered(
            **ABOUT,
            case_id=CASE,
            disclosure_id=DISCLOSURE,
            recipient="courier_partner",
            answer="forgotten",
            answered_at=WHEN,
        ),
        SubjectSuppressed(
            **ABOUT,
            case_id=CASE,
            channel="my-data",
            received_at=WHEN,
            keys_destroyed=("intake", "delivery", "notifications"),
            settled_orders={ORDER: "delivered"},
        ),
        InspectSubject(**ABOUT, inspection_id=INSPECTION, asked_by="intake"),
        SubjectInspected.model_validate(
            {
                **ABOUT,
                "inspection_id": INSPECTION,
                "asked_by": "intake",
                "store": "delivery",
                "inspected_at": WHEN,
                "collections": {
                    "shipments": {"matched": 2, "destroyed": 1, "deferred": 1},
                    "disclosures": {"matched": 1, "kept": 1, "ground": "Evidence", "article": "art. 19"},
                },
                "open_orders": [ORDER],
                "uses": [
                    {
                        "reader": "delivery",
                        "what": "shipment",
                        "purpose": "3.2.3",
                        "fields": ["family_name", "phone"],
                        "at": WHEN,
                        "order_id": ORDER,
                        "state": "disclosed",
                        "recipient": "courier_partner",
                        "recipient_name": "A Courier",
                    }
                ],
            }
        ),
        StoreSampled(
            store="delivery",
            sampled_at=WHEN,
            policy_sha256="a" * 64,
            collections={"shipments": CollectionSample(documents=4_200, sampled=200, unknown_fields={"note": 3})},
            unmapped=("baskets",),
        ),
        CaseMoved(
            **ABOUT,
            case_id=CASE,
            withdrawals=(CASE,),
            step=7,
            state="deferred",
            received_at=WHEN,
            deadline=date(2026, 3, 26),
            open_orders=1,
            moved_at=WHEN,
        ),
        LedgerHeadMoved(sequence=42, hash="f" * 64, at=WHEN),
    ]


def main() -> None:
    for plain in published({}):
        kind = type(plain)
        path = FOLDER / f"{kind.type_name()}.json"
        if path.exists():
            continue
        sealed: dict[str, bytes] = {}
        for reader in readers_of(kind):
            handle = tink.new_keyset_handle(TEMPLATE)
            granted = load_policy().fields_for(reader)
            fields = {name: value for name, value in a_person().model_dump(mode="json").items() if name in granted}
            binding = Binding(EVENT, kind.type_name(), SUBJECT, reader)
            sealed[reader] = seal(fields, binding, handle.primitive(Aead))
            keyset = json.loads(json_proto_keyset_format.serialize(handle, secret_key_access.TOKEN))
            note = "A made-up person under a key of this sample alone: it protects nothing."
            _write(f"{kind.type_name()}.{reader}", {"note": note, "reader": reader, "keyset": keyset, "fields": fields})
        event = next(event for event in published(sealed) if type(event) is kind)
        outgoing = Outgoing(event, EVENT, WHEN)
        source = event.PUBLISHERS[0]
        value = json.loads(event.model_dump_json())
        _write(kind.type_name(), {"key": outgoing.key, "headers": headers_of(outgoing, source), "value": value})


def _write(name: str, content: dict[str, Any]) -> None:
    FOLDER.mkdir(exist_ok=True)
    (FOLDER / f"{name}.json").write_text(json.dumps(content, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
