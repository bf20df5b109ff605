"""The certificate of a closed case: what a stranger needs to believe that a person is unreadable everywhere.

It holds every store's signed receipts, what recipients answered, which keys were destroyed when, what is kept on
which ground, and the bounds within which copies stop existing at all. Random ids and counts only.
"""

import hashlib
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from services.privacy.case import Case
from services.privacy.ledger import Head
from shared.policy.model import Policy
from shared.policy.working_days import ALMATY
from shared.stores.receipts import Signer, canonical

KIND = "certificate-of-erasure"
LIMITS = (
    "Bytes of erased records can stay in MongoDB's oplog, journal and backups and in Kafka's log for a time. What is "
    "personal in them is ciphertext whose data keys are destroyed.",
    "A wrapped copy of a destroyed data key may lie in an old oplog or backup; it could be unwrapped only with the "
    "key-encryption key of the epoch named here, until that epoch is destroyed by rotation. A second certificate "
    "follows when it is, and Kafka's retention is past.",
    "Running services forgot keys within the cache bound named here.",
    "What recipients hold is theirs: they were told, and answered as stated.",
)


class CertificateIssuer:
    def __init__(
        self, policy: Policy, signer: Signer, epochs: Callable[[], Mapping[str, int]], cache_seconds: float
    ) -> None:
        self._policy = policy
        self._signer = signer
        self._epochs = epochs
        self._cache_seconds = cache_seconds

    def issue(self, case: Case, head: Head, now: datetime) -> dict[str, Any]:
        """`{"certificate": the signed JSON object, "sha256": of its canonical form}`."""
        body = self._body(case, head, now)
        certificate = {**body, "signature": self._signer.sign(body)}
        return {"certificate": certificate, "sha256": hashlib.sha256(canonical(certificate)).hexdigest()}

    def _body(self, case: Case, head: Head, now: datetime) -> dict[str, Any]:
        policy = self._policy
        return {
            "kind": KIND,
            "format": 1,
            "case_id": case.case_id,
            "subject_id": case.subject_id,
            "scope": case.scope,
            "channel": case.channel,
            "received_at": iso(case.received_at),
            "deadline": case.deadline.isoformat(),
            "closed_at": iso(case.closed_at or now),
            "issued_at": iso(now),
            "controller": {"name": policy.controller.name, "mailbox": policy.controller.mailbox},
            "policy": {"version": policy.version_at(now.astimezone(ALMATY).date()).version, "sha256": policy.digest},
            "stores": list(policy.erasing_stores),
            "final_round": case.round,
            "receipts": {number: dict(receipts) for number, receipts in sorted(case.receipts.items())},
            "deferrals": [
                {
                    "order_id": deferral.order_id,
                    "ground": "Law 94-V art. 8(2)",
                    "since": iso(deferral.since),
                    "settled_by": deferral.settled_by,
                    "settled_at": iso(deferral.settled_at) if deferral.settled_at else None,
                }
                for deferral in case.deferrals
            ],
            "kept": self._kept(),
            "disclosures": list(case.disclosures),
            "recipients": {
                disclosure: {**answer, "at": iso(answer["at"])} for disclosure, answer in case.recipients.items()
            },
            "keys": {
                reader: {
                    "destroyed_at": iso(case.keys_destroyed[reader]) if reader in case.keys_destroyed else None,
                    "epoch": epoch,
                }
                for reader, epoch in sorted(self._epochs().items())
            },
            "letters": dict(case.letters),
            "bounds": {
                "key_cache_milliseconds": round(self._cache_seconds * 1_000),
                "kafka_copies_gone_by": {
                    name: iso(now + topic.retention)
                    for name, topic in policy.topics.items()
                    if topic.sealed and topic.retention
                },
            },
            "limits": list(LIMITS),
            "ledger": {"sequence": head.sequence, "hash": head.hash},
        }

    def _kept(self) -> list[dict[str, str]]:
        """The person's records that erasure leaves, each with its ground: they hold no personal field. What is of no
        person (texts, accounts, counts of attempts) says nothing of this erasure and is not named."""
        return [
            {"store": store, "collection": name, "ground": f"{plan.ground} ({plan.article})"}
            for store in self._policy.erasing_stores
            for name, plan in self._policy.store(store).collections.items()
            if plan.action == "keep" and plan.subject
        ]


def iso(moment: datetime) -> str:
    """UTC with milliseconds, as MongoDB keeps it."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
