"""The second certificate: the copies that the first one could only call unreadable can be read by nobody any more.

It comes when the key-encryption keys are destroyed under which a copy of the person's keys can be wrapped, and Kafka
holds none of the sealed messages. It holds the first certificate whole, so that one file proves everything.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from services.privacy.certificate import iso
from services.privacy.ledger import Head
from shared.stores.receipts import Signer, canonical

SECOND_KIND = "second-certificate-of-erasure"
SECOND_LIMITS = (
    "A copy of the person's data keys in an old oplog, journal or backup of MongoDB is wrapped under key-encryption "
    "keys that are destroyed. Those never were in MongoDB or its backups; a copy of them made elsewhere is the "
    "operator's to rule out.",
    "Kafka deletes whole segments, each when its newest message is past retention: a copy may lie there beyond the "
    "dates named here until its segment goes. It is ciphertext under the same destroyed keys.",
    "What recipients hold is theirs: they were told, and answered as the first certificate states.",
)


@dataclass(frozen=True, slots=True)
class EpochEnd:
    """A key-encryption key that is destroyed everywhere."""

    epoch: int
    destroyed_at: datetime


class SecondCertificateIssuer:
    def __init__(self, signer: Signer) -> None:
        self._signer = signer

    def issue(
        self, first: Mapping[str, Any], ends: Mapping[str, Sequence[EpochEnd]], head: Head, now: datetime
    ) -> dict[str, Any]:
        """`{"certificate": the signed JSON object, "sha256": of its canonical form}`. `ends`: reader → every epoch
        from the first to the newest under which a copy can be wrapped."""
        body = {
            "kind": SECOND_KIND,
            "format": 1,
            "case_id": first["case_id"],
            "subject_id": first["subject_id"],
            "issued_at": iso(now),
            "epochs_destroyed": {
                reader: {str(end.epoch): iso(end.destroyed_at) for end in of_reader}
                for reader, of_reader in sorted(ends.items())
            },
            "kafka_copies_gone_by": dict(first["bounds"]["kafka_copies_gone_by"]),
            "limits": list(SECOND_LIMITS),
            "ledger": {"sequence": head.sequence, "hash": head.hash},
            "first": dict(first),
        }
        certificate = {**body, "signature": self._signer.sign(body)}
        return {"certificate": certificate, "sha256": hashlib.sha256(canonical(certificate)).hexdigest()}
