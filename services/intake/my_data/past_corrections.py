"""What a person corrected, opened for the person themselves (clause 4.2.1)."""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from services.intake.correction_store import CorrectionStore
from services.intake.opening_store import Opening, OpeningStore
from shared.sealing.opener import Opener

PURPOSE: Final = "3.2.4"


@dataclass(frozen=True, slots=True)
class PastCorrection:
    """before: each value the orders held, None where one held none. after: None where the field was removed."""

    corrected: str
    corrected_at: datetime
    channel: str
    before: tuple[Any, ...] = field(repr=False)
    after: Any = field(repr=False)


@dataclass(frozen=True, slots=True)
class PastCorrections:
    corrections: CorrectionStore
    openings: OpeningStore
    opener: Opener

    async def of(
        self, subject_id: str, order_ids: Collection[str], now: datetime, *, what: str
    ) -> list[PastCorrection]:
        """Newest first: those of these orders. `what`: as of the page's other openings. Raises what `Opener.open`
        raises."""
        theirs = [c for c in await self.corrections.of_subject(subject_id) if set(c.orders) <= set(order_ids)]
        if not theirs:
            return []
        opened = await self.opener.open_many([c.sealed for c in theirs], purpose=PURPOSE, fresh=True)
        names = tuple(sorted({c.corrected for c in theirs}))
        await self.openings.note([Opening(subject_id, what, PURPOSE, names)], now)
        past: list[PastCorrection] = []
        for correction, fields in zip(theirs, opened, strict=True):
            if isinstance(fields, Exception):
                raise fields
            if (change := fields.get(correction.corrected)) is not None:
                past.append(
                    PastCorrection(
                        correction.corrected,
                        correction.corrected_at,
                        correction.channel,
                        tuple(change["before"]),
                        change["after"],
                    )
                )
        return past
