"""Issue second certificates, as soon as what they state is true: any replica, each once."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from services.privacy.certificate_store import CertificateStore
from services.privacy.epoch_watch import EpochWatch
from services.privacy.ledger import Entry, Ledger
from services.privacy.second_certificate import EpochEnd, SecondCertificateIssuer
from shared.contracts.ledger import LedgerHeadMoved
from shared.messaging.cloudevents import Outgoing, new_id
from shared.messaging.outbox import Outbox
from shared.stores.mongo import Client, Session, in_transaction

AT_ONCE = 200
EVERY = timedelta(seconds=5)


class SecondCertification:
    def __init__(
        self,
        client: Client,
        certificates: CertificateStore,
        epochs: EpochWatch,
        ledger: Ledger,
        outbox: Outbox,
        issuer: SecondCertificateIssuer,
    ) -> None:
        self._client = client
        self._certificates = certificates
        self._epochs = epochs
        self._ledger = ledger
        self._outbox = outbox
        self._issuer = issuer
        self._next_at: datetime | None = None

    async def issue_due(self, now: datetime) -> bool:
        """Whether there may be more. A look every few seconds: what it waits for takes weeks."""
        if self._next_at is not None and now < self._next_at:
            return False
        issued = await self.issue(now)
        if issued < AT_ONCE:
            self._next_at = now + EVERY
        return issued == AT_ONCE

    async def issue(self, now: datetime) -> int:
        """How many certificates were issued: of at most `AT_ONCE` cases whose Kafka copies are past their retention
        and whose epochs are gone. Certificates, ledger and the outbox agree, or nothing happened."""
        await self._epochs.refresh(now)

        async def work(session: Session) -> tuple[int, list[dict[str, Any]]]:
            gone = await self._epochs.gone(session)
            through = {reader: len(ends) for reader, ends in gone.items()}
            due = await self._certificates.awaiting_second(now, through, AT_ONCE, session)
            head = await self._ledger.head(session)
            issued = {
                first["case_id"]: self._issuer.issue(first, ends, head, now)
                for first in due
                if (ends := _ends(first, gone)) is not None
            }
            if not issued:
                return 0, []
            await self._certificates.put_second(issued, session)
            entries = [
                Entry("second_certificate_issued", case_id, {"sha256": second["sha256"]})
                for case_id, second in issued.items()
            ]
            head = await self._ledger.append(entries, now, session)
            moved = LedgerHeadMoved(sequence=head.sequence, hash=head.hash, at=now)
            return len(issued), await self._outbox.append([Outgoing(moved, new_id(), now)], session)

        count, rows = await in_transaction(self._client, work)
        self._outbox.committed(rows)
        return count


def _ends(first: Mapping[str, Any], gone: Mapping[str, Sequence[EpochEnd]]) -> dict[str, Sequence[EpochEnd]] | None:
    """Reader → every epoch under which a copy of its key can be wrapped: from 1 to the one the certificate names or,
    where clocks differ, to the first that ended after the key. None where one is not known to be gone."""
    found: dict[str, Sequence[EpochEnd]] = {}
    for reader, key in first["keys"].items():
        destroyed_at = datetime.fromisoformat(key["destroyed_at"])
        ends = gone.get(reader, ())
        after = [end.epoch for end in ends if end.epoch >= key["epoch"] and end.destroyed_at >= destroyed_at]
        if not after:
            return None
        found[reader] = ends[: after[0]]
    return found
