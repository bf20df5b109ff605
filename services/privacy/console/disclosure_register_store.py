"""To whom personal data went outside the controller (clause 4.3.2): names of fields, ids and times, never a value."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from pymongo import ASCENDING, DESCENDING, UpdateOne
from pymongo.errors import DuplicateKeyError

from shared.contracts.inspections import Use
from shared.stores.mongo import Database, Document, Session, bulk_upsert, expire_after

COLLECTION: Final = "disclosures"
STATE_BODIES: Final = "state_bodies"


@dataclass(frozen=True, slots=True)
class Disclosure:
    """disclosure_id: the shipment's, with the number of a correction that was told later; or the proposal's that was
    approved. recipient: class of the policy. recipient_name, legal_ground, article, document, document_date: of a state
    body's demand (Law 94-V art. 9)."""

    disclosure_id: str
    subject_id: str
    recipient: str
    fields: tuple[str, ...]
    purpose: str
    basis: str
    disclosed_at: datetime
    order_id: str | None = None
    recipient_name: str | None = None
    legal_ground: str | None = None
    article: str | None = None
    document: str | None = None
    document_date: str | None = None


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which disclosures: of a class of recipient, not before, and before. None: whichever."""

    recipient: str | None = None
    since: datetime | None = None
    until: datetime | None = None


class AlreadyRecorded(Exception):
    """A disclosure of this id is in the register."""


class DisclosureRegisterStore:
    def __init__(self, database: Database, kept: timedelta) -> None:
        self._disclosures = database[COLLECTION]
        self._kept = kept

    async def ensure_indexes(self) -> None:
        newest_first = [("disclosed_at", DESCENDING), ("_id", ASCENDING)]
        await self._disclosures.create_index(newest_first)
        await self._disclosures.create_index([("recipient", ASCENDING), *newest_first])
        await expire_after(self._disclosures, "disclosed_at", self._kept)

    async def learn(self, disclosures: Sequence[Disclosure]) -> None:
        """Those of the stores' events. One that is known stays as it is, but for fields told later under its id: those
        of a correction that was overtaken."""
        await bulk_upsert(self._disclosures, [_learnt(disclosure) for disclosure in disclosures])

    async def add(self, disclosure: Disclosure, session: Session) -> None:
        """Within the caller's transaction. Raises AlreadyRecorded."""
        if await self._disclosures.find_one({"_id": disclosure.disclosure_id}, {"_id": 1}, session=session):
            raise AlreadyRecorded
        try:
            await self._disclosures.insert_one(_document(disclosure), session=session)
        except DuplicateKeyError:
            raise AlreadyRecorded from None

    async def newest(self, wanted: Wanted, *, limit: int, skip: int = 0) -> list[Disclosure]:
        found = self._disclosures.find(_query(wanted)).sort([("disclosed_at", DESCENDING), ("_id", ASCENDING)])
        return [_disclosure(document) async for document in found.skip(skip).limit(limit)]

    async def count(self, wanted: Wanted) -> int:
        return await self._disclosures.count_documents(_query(wanted))

    async def uses(self, subject_id: str, most: int, session: Session) -> list[Use]:
        """Newest first: what state bodies were told. Of couriers delivery tells itself."""
        query = {"subject_id": subject_id, "recipient": STATE_BODIES}
        found = self._disclosures.find(query, session=session).sort("disclosed_at", DESCENDING).limit(most)
        return [_use(_disclosure(document)) async for document in found]


def _query(wanted: Wanted) -> dict[str, Any]:
    query: dict[str, Any] = {"recipient": wanted.recipient} if wanted.recipient else {}
    if wanted.since or wanted.until:
        bounds = {"$gte": wanted.since, "$lt": wanted.until}
        query["disclosed_at"] = {name: moment for name, moment in bounds.items() if moment}
    return query


def _use(disclosure: Disclosure) -> Use:
    return Use(
        reader="privacy",
        what="state_disclosure",
        purpose=disclosure.purpose,
        fields=disclosure.fields,
        at=disclosure.disclosed_at,
        recipient=disclosure.recipient,
        recipient_name=disclosure.recipient_name,
    )


def _document(disclosure: Disclosure) -> Document:
    """Without what is not known: a courier's has no document."""
    content = {name: value for name, value in asdict(disclosure).items() if value is not None}
    return {"_id": content.pop("disclosure_id"), **content, "fields": list(disclosure.fields)}


def _learnt(disclosure: Disclosure) -> UpdateOne:
    content = _document(disclosure)
    fields = {"fields": {"$each": content.pop("fields")}}
    return UpdateOne({"_id": content.pop("_id")}, {"$setOnInsert": content, "$addToSet": fields}, upsert=True)


def _disclosure(document: Document) -> Disclosure:
    content = {name: value for name, value in document.items() if name not in ("_id", "fields")}
    return Disclosure(disclosure_id=document["_id"], fields=tuple(sorted(document["fields"])), **content)
