"""Log of disclosures (clause 4.3.2): to whom, which field names, on which basis, when, and that the recipient was told
to forget them. Never a value."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

from pymongo import ASCENDING, DESCENDING, UpdateMany, UpdateOne

from shared.contracts.inspections import Use
from shared.messaging.cloudevents import new_id
from shared.stores.lease import take_due
from shared.stores.mongo import Database, Document, Session, drop_index, expire_after

COLLECTION: Final = "disclosures"
LEASE = timedelta(seconds=30)
# Fields that set out may still be under way for so long: no notice to forget them overtakes them.
UNDER_WAY_SECONDS = 30

Answer = Literal["forgotten", "unknown"]


@dataclass(frozen=True, slots=True)
class Disclosed:
    """Of one shipment. `fields`: policy names."""

    disclosure_id: str
    recipient: str
    fields: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Intent:
    """What is about to be disclosed. `recipient` is a class of the policy, `recipient_name` who it is. sequence: of the
    correction it is told of; None where it gets the parcel."""

    shipment_id: str
    order_id: str
    subject_id: str
    recipient: str
    recipient_name: str
    fields: tuple[str, ...]
    purpose: str
    basis: str
    sequence: int | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """For which case a recipient is to be told to forget; traceparent: of what asked for it."""

    case_id: str
    traceparent: str | None


@dataclass(frozen=True, slots=True)
class Notice:
    """A recipient is to be told to forget a shipment's fields, for a case. traceparent: of what asked for it."""

    disclosure_id: str
    shipment_id: str
    subject_id: str
    recipient: str
    case_id: str
    attempts: int
    traceparent: str | None = None


class DisclosureStore:
    def __init__(self, database: Database, kept: timedelta) -> None:
        self._disclosures = database[COLLECTION]
        self._kept = kept

    async def ensure_indexes(self) -> None:
        await drop_index(self._disclosures, "shipment_id_1")  # of the time before corrections
        await self._disclosures.create_index([("shipment_id", ASCENDING), ("sequence", ASCENDING)], unique=True)
        await self._disclosures.create_index(
            [("next_at", ASCENDING)], partialFilterExpression={"forget_state": "due"}, name="notices_due"
        )
        await expire_after(self._disclosures, "disclosed_at", self._kept)

    async def intend(self, intent: Intent, now: datetime, session: Session) -> None:
        """Before anything leaves. From here on the log says that the recipient may have it."""
        await self._disclosures.update_one(
            _one(intent.shipment_id, intent.sequence),
            {
                "$setOnInsert": {
                    "_id": new_id(),
                    "subject_id": intent.subject_id,
                    "order_id": intent.order_id,
                    "recipient": intent.recipient,
                    "recipient_name": intent.recipient_name,
                },
                "$set": {
                    "state": "sending",
                    "purpose": intent.purpose,
                    "basis": intent.basis,
                    "disclosed_at": now,
                },
                "$addToSet": {"fields": {"$each": list(intent.fields)}},
            },
            upsert=True,
            session=session,
        )

    async def complete(self, shipment_id: str, session: Session, *, sequence: int | None = None) -> None:
        """The recipient has acknowledged."""
        await self._disclosures.update_one(
            _one(shipment_id, sequence), {"$set": {"state": "disclosed"}}, session=session
        )

    async def of_shipment(self, shipment_id: str) -> Disclosed | None:
        """What the recipient got with the parcel."""
        document = await self._disclosures.find_one(_one(shipment_id, None))
        if document is None:
            return None
        return Disclosed(document["_id"], document["recipient"], tuple(sorted(document["fields"])))

    async def of_subjects(self, subject_ids: Collection[str], session: Session) -> list[tuple[str, str, str]]:
        """(disclosure id, subject id, order id) of all of them."""
        found = self._disclosures.find(
            {"subject_id": {"$in": list(subject_ids)}}, {"subject_id": 1, "order_id": 1}, session=session
        ).sort("_id", ASCENDING)
        return [(document["_id"], document["subject_id"], document["order_id"]) async for document in found]

    async def uses(self, subject_id: str, most: int, session: Session) -> list[Use]:
        """Newest first: what left for whom. A `sending` may not have arrived."""
        theirs = self._disclosures.find({"subject_id": subject_id}, session=session)
        return [_use(document) async for document in theirs.sort("disclosed_at", DESCENDING).limit(most)]

    async def make_due(self, disclosures: Mapping[Asked, Sequence[str]], now: datetime, session: Session) -> None:
        """What asked → disclosure ids. Those already told for the same case stay as they are."""
        if not disclosures:
            return
        under_way = {"startDate": "$disclosed_at", "unit": "second", "amount": UNDER_WAY_SECONDS}
        arrived = {"$max": [now, {"$dateAdd": under_way}]}
        change = {
            "forget_state": "due",
            "attempts": 0,
            "next_at": {"$cond": [{"$eq": ["$state", "sending"]}, arrived, now]},
        }
        await self._disclosures.bulk_write(
            [
                UpdateMany(
                    {"_id": {"$in": list(ids)}, "case_id": {"$ne": asked.case_id}},
                    [{"$set": {**change, **_asked(asked)}}, {"$unset": ["answer", "answered_at"]}],
                )
                for asked, ids in disclosures.items()
            ],
            ordered=False,
            session=session,
        )

    async def take_due(self, now: datetime, limit: int) -> list[Notice]:
        """The notices due longest, leased to the caller alone."""
        due = {"forget_state": "due", "next_at": {"$lte": now}}
        told: Mapping[str, Document] = {"$set": {"told_at": now}, "$inc": {"attempts": 1}}
        found, _ = await take_due(self._disclosures, due, at="next_at", until=now + LEASE, limit=limit, change=told)
        return [_notice(document) for document in found]

    async def still_due(self, disclosure_ids: Collection[str], session: Session) -> list[Notice]:
        query = {"_id": {"$in": list(disclosure_ids)}, "forget_state": "due"}
        return [_notice(document) async for document in self._disclosures.find(query, session=session)]

    async def answered(self, answers: Mapping[str, Answer], now: datetime, session: Session) -> None:
        """Disclosure id → answer."""
        await self._disclosures.bulk_write(
            [
                UpdateOne(
                    {"_id": disclosure_id},
                    {
                        "$set": {"forget_state": "answered", "answer": answer, "answered_at": now},
                        "$unset": {"lease": ""},
                    },
                )
                for disclosure_id, answer in answers.items()
            ],
            ordered=False,
            session=session,
        )

    async def postpone(self, until: Mapping[str, datetime]) -> None:
        """Disclosure id → when the recipient is told again."""
        await self._disclosures.bulk_write(
            [
                UpdateOne({"_id": disclosure_id, "forget_state": "due"}, {"$set": {"next_at": at}})
                for disclosure_id, at in until.items()
            ],
            ordered=False,
        )


def _one(shipment_id: str, sequence: int | None) -> Document:
    """Of one shipment: the parcel's own, or a correction's."""
    return {"shipment_id": shipment_id, "sequence": {"$exists": False} if sequence is None else sequence}


def _use(document: Document) -> Use:
    return Use(
        reader="delivery",
        what="shipment_corrected" if "sequence" in document else "shipment",
        purpose=document["purpose"],
        fields=tuple(sorted(document["fields"])),
        at=document["disclosed_at"],
        order_id=document["order_id"],
        state=document["state"],
        recipient=document["recipient"],
        recipient_name=document["recipient_name"],
        forgotten=document.get("answer") or document.get("forget_state"),
    )


def _asked(asked: Asked) -> Document:
    return {"case_id": asked.case_id, **({"traceparent": asked.traceparent} if asked.traceparent else {})}


def _notice(document: Document) -> Notice:
    return Notice(
        document["_id"],
        document["shipment_id"],
        document["subject_id"],
        document["recipient"],
        document["case_id"],
        document["attempts"],
        document.get("traceparent"),
    )
