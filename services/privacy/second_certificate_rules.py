"""What a second certificate must state beyond the first one in it; `verify_certificate.py` asks it. Offline."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from shared.stores.receipts import PublicKeys

_MISSING = "A part that every second certificate has is missing."


def second_failures(second: Mapping[str, Any], keys: PublicKeys) -> list[str]:
    """What is wrong with it, apart from the first certificate, which its caller verifies; empty: it holds."""
    if second.get("format") != 1:
        return ["This is not a second certificate of erasure, format 1."]
    if not keys.verify(second, by="privacy"):
        return ["The privacy service's signature does not fit: the certificate was changed, or these are other keys."]
    try:
        return [*_same_case(second), *_epochs(second), *_kafka(second)]
    except (KeyError, TypeError, AttributeError, ValueError):
        return [_MISSING]


def _same_case(second: Mapping[str, Any]) -> list[str]:
    first = second["first"]
    wrong = []
    if (second["case_id"], second["subject_id"]) != (first["case_id"], first["subject_id"]):
        wrong.append("The first certificate in it is of another case or subject.")
    if first["scope"] != "all":
        wrong.append("The first certificate in it destroyed no key.")
    if second["ledger"]["sequence"] <= first["ledger"]["sequence"] or _at(second, "issued_at") < _at(
        first, "issued_at"
    ):
        wrong.append("It is older than the first certificate in it.")
    return wrong


def _epochs(second: Mapping[str, Any]) -> list[str]:
    """Every epoch from 1 to the one the first certificate names must be gone, that one after the person's key."""
    wrong = []
    keys, destroyed = second["first"]["keys"], second["epochs_destroyed"]
    wrong += [f"The key-encryption keys of {reader} are not named." for reader in keys if reader not in destroyed]
    for reader, ends in destroyed.items():
        times = {int(epoch): _moment(moment) for epoch, moment in ends.items()}
        key = keys[reader]
        wanted = range(1, max(key["epoch"], *times, 0) + 1)
        wrong += [f"Epoch {epoch} of {reader} was not destroyed." for epoch in wanted if epoch not in times]
        if any(moment > _at(second, "issued_at") for moment in times.values()):
            wrong.append(f"An epoch of {reader} was destroyed after the certificate was issued.")
        if times and times[max(times)] < _at(key, "destroyed_at"):
            wrong.append(f"The newest epoch of {reader} was destroyed before the person's key: a later one wrapped it.")
    return wrong


def _kafka(second: Mapping[str, Any]) -> list[str]:
    gone_by = second["kafka_copies_gone_by"]
    wrong = []
    if gone_by != second["first"]["bounds"]["kafka_copies_gone_by"]:
        wrong.append("It names other topics or dates than the first certificate.")
    wrong += [
        f"Topic {topic} may still hold sealed messages."
        for topic, moment in gone_by.items()
        if _moment(moment) > _at(second, "issued_at")
    ]
    return wrong


def _at(statement: Mapping[str, Any], name: str) -> datetime:
    return _moment(statement[name])


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)
