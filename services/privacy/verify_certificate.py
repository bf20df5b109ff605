"""Verify a certificate offline, with the public keys alone: no database, no service, no network."""

from collections.abc import Mapping
from typing import Any

from services.privacy.certificate import KIND
from services.privacy.second_certificate import SECOND_KIND
from services.privacy.second_certificate_rules import second_failures
from shared.stores.receipts import PublicKeys

COUNTS = ("destroyed", "depersonalised", "deferred", "kept", "residual")


def failures(certificate: Mapping[str, Any], keys: PublicKeys) -> list[str]:
    """What is wrong with it, in words; an empty list means: it holds. Of a second certificate, also what is wrong with
    the first one in it."""
    if certificate.get("kind") == SECOND_KIND:
        first = certificate.get("first")
        of_first = failures(first, keys) if isinstance(first, Mapping) else ["It does not hold the first certificate."]
        return [*second_failures(certificate, keys), *(f"First certificate: {line}" for line in of_first)]
    if certificate.get("kind") != KIND or certificate.get("format") != 1:
        return ["This is not a certificate of erasure, format 1."]
    if not keys.verify(certificate, by="privacy"):
        return ["The privacy service's signature does not fit: the certificate was changed, or these are other keys."]
    try:
        if certificate["scope"] == "promotions":
            return []
        return [*_receipts(certificate, keys), *_completeness(certificate), *_keys(certificate)]
    except (KeyError, TypeError, AttributeError):
        return ["A part that every certificate has is missing."]


def _receipts(certificate: Mapping[str, Any], keys: PublicKeys) -> list[str]:
    wrong = []
    for number, receipts in certificate["receipts"].items():
        for store, receipt in receipts.items():
            where = f"Receipt of {store}, round {number}"
            if not keys.verify(receipt, by=store):
                wrong.append(f"{where}: the signature does not fit.")
            ids = (receipt["case_id"], receipt["subject_id"], receipt["store"], str(receipt["round"]))
            if ids != (certificate["case_id"], certificate["subject_id"], store, number):
                wrong.append(f"{where}: it belongs to another case, subject, store or round.")
            for name, count in receipt["collections"].items():
                if count["matched"] != sum(count[kind] for kind in COUNTS):
                    wrong.append(f"{where}, {name}: the counts do not add up.")
    return wrong


def _completeness(certificate: Mapping[str, Any]) -> list[str]:
    final = certificate["receipts"].get(str(certificate["final_round"]), {})
    wrong = [] if certificate["stores"] else ["No store is named."]
    wrong += [f"No final receipt of {store}." for store in certificate["stores"] if store not in final]
    for store, receipt in final.items():
        for name, count in receipt["collections"].items():
            if count["residual"] or count["deferred"]:
                wrong.append(f"{store}, {name}: records were still there after the final round.")
    wrong += [
        f"Recipient of disclosure {disclosure} did not answer."
        for disclosure in certificate["disclosures"]
        if disclosure not in certificate["recipients"]
    ]
    wrong += [
        f"Order {deferral['order_id']} was never settled."
        for deferral in certificate["deferrals"]
        if not deferral["settled_at"]
    ]
    return wrong


def _keys(certificate: Mapping[str, Any]) -> list[str]:
    keys = certificate["keys"]
    if not keys:
        return ["No key is named as destroyed."]
    return [f"The key of {reader} was not destroyed." for reader, key in keys.items() if not key["destroyed_at"]]
