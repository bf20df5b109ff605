"""Who opened what of a person in intake: names of fields, for what, when. Never a value (clause 2.1).

The person sees it under my data (Law 94-V art. 24(1)(1)); it goes with the person, and by itself after its period."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from pymongo import DESCENDING

from shared.contracts.inspections import Use
from shared.messaging.cloudevents import new_id
from shared.stores.mongo import Database, Document, Session, expire_after, insert_new

COLLECTION: Final = "openings"


@dataclass(frozen=True, slots=True)
class Opening:
    """what: a code of the act, for example `my_data`. fields: policy names. opening_id: given by an act that may be
    repeated without the person's being any the more opened."""

    subject_id: str
    what: str
    purpose: str
    fields: tuple[str, ...]
    order_id: str | None = None
    opening_id: str = field(default_factory=new_id)


class OpeningStore:
    def __init__(self, database: Database, kept: timedelta) -> None:
        self._openings = database[COLLECTION]
        self._kept = kept

    async def ensure_indexes(self) -> None:
        await expire_after(self._openings, "at", self._kept)

    async def note(self, openings: Sequence[Opening], now: datetime, session: Session | None = None) -> None:
        """Each once, by its id. Within a transaction, of ids that are new."""
        documents: list[Document] = [
            {
                "_id": opening.opening_id,
                "subject_id": opening.subject_id,
                "what": opening.what,
                "purpose": opening.purpose,
                "fields": list(opening.fields),
                "at": now,
                **({"order_id": opening.order_id} if opening.order_id else {}),
            }
            for opening in openings
        ]
        if session:
            await self._openings.insert_many(documents, session=session)
        else:
            await insert_new(self._openings, documents)

    async def uses(self, subject_id: str, most: int, session: Session) -> list[Use]:
        """Newest first."""
        theirs = self._openings.find({"subject_id": subject_id}, session=session)
        return [_use(document) async for document in theirs.sort("at", DESCENDING).limit(most)]


def _use(document: Document) -> Use:
    return Use(
        reader="intake",
        what=document["what"],
        purpose=document["purpose"],
        fields=tuple(document["fields"]),
        at=document["at"],
        order_id=document.get("order_id"),
    )
