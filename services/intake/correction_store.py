"""History of corrections (clauses 4.1.2, 4.2.1): which field, when, by which way; old and new value sealed for intake
under the person's own key, and gone with the person."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from pymongo import DESCENDING

from shared.sealing.opener import Sealed
from shared.stores.mongo import Database, Document, Session

COLLECTION: Final = "corrections"
BOUND_TO: Final = "kz.exl.intake.correction"  # in the place of an event's type: no event carries these values


@dataclass(frozen=True, slots=True)
class Correction:
    """One field of one or several orders. sealed: {field: {"before": [distinct values], "after": value or None}}."""

    correction_id: str
    subject_id: str
    corrected: str
    orders: tuple[str, ...]
    channel: str
    corrected_at: datetime
    envelope: bytes = field(repr=False)

    @property
    def sealed(self) -> Sealed:
        return Sealed(self.correction_id, BOUND_TO, self.subject_id, self.envelope)


class CorrectionStore:
    def __init__(self, database: Database) -> None:
        self._corrections = database[COLLECTION]

    async def add(self, correction: Correction, session: Session) -> None:
        await self._corrections.insert_one(
            {
                "_id": correction.correction_id,
                "subject_id": correction.subject_id,
                "field": correction.corrected,
                "orders": list(correction.orders),
                "channel": correction.channel,
                "corrected_at": correction.corrected_at,
                "sealed": correction.envelope,
            },
            session=session,
        )

    async def of_subject(self, subject_id: str) -> Sequence[Correction]:
        """Newest first."""
        found = self._corrections.find({"subject_id": subject_id}).sort("corrected_at", DESCENDING)
        return [_correction(document) async for document in found]


def _correction(document: Document) -> Correction:
    return Correction(
        correction_id=document["_id"],
        subject_id=document["subject_id"],
        corrected=document["field"],
        orders=tuple(document["orders"]),
        channel=document["channel"],
        corrected_at=document["corrected_at"],
        envelope=document["sealed"],
    )
