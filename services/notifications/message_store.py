"""Messages to people: ids, kinds and outcomes. Never a text, an address or a number."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, ClassVar, Final, Literal

from pymongo import ASCENDING, DESCENDING, UpdateOne

from shared.contracts.inspections import Use
from shared.observability.tracing import cause_of
from shared.stores.lease import take_due
from shared.stores.mongo import Database, Document, Session, insert_new

COLLECTION: Final = "messages"
LEASE = timedelta(seconds=20)

Kind = Literal["order_confirmation", "shipment_handed_over", "shipment_delivered", "shipment_returned", "promotion"]
Channel = Literal["email", "sms"]
IN_ORDER: Final[tuple[tuple[Kind, ...], ...]] = (
    ("order_confirmation",),
    ("shipment_handed_over",),
    ("shipment_delivered", "shipment_returned"),
)
# What a message takes: its address, and what its template says.
FIELDS: Final[Mapping[Channel, tuple[str, ...]]] = {
    "email": ("email", "given_name", "language"),
    "sms": ("language", "phone"),
}
# Sent, or given to the other side at the last try. What was refused before that was not sent to anybody.
WENT_OUT: Final[Document] = {"$or": [{"state": "sent"}, {"reason": {"$regex": "^(email|sms): "}}]}


@dataclass(frozen=True, slots=True)
class Due:
    """A message that somebody decided on. `occasion` is the event or the campaign it tells of."""

    kind: Kind
    channel: Channel
    purpose: str
    order_id: str
    subject_id: str
    occasion: str
    campaign: str | None = None

    @property
    def message_id(self) -> str:
        """32 hex digits, the same however often the message is decided on or tried; tells nothing of its parts."""
        parts = f"{self.occasion}/{self.subject_id}/{self.kind}/{self.channel}"
        return hashlib.blake2b(parts.encode(), digest_size=16, person=b"message").hexdigest()


@dataclass(frozen=True, slots=True)
class Message:
    """As stored. `subject_id` is None once the person was erased; `attempts` counts this one; traceparent: of what led
    to it, and none where that is a campaign, which leads to as many messages as there are people."""

    message_id: str
    kind: Kind
    channel: Channel
    purpose: str
    order_id: str
    subject_id: str | None
    campaign: str | None
    attempts: int
    traceparent: str | None = None

    @property
    def line(self) -> str:
        """Messages in one line go out one after the other: about one order, by one channel."""
        return self.message_id if self.kind == "promotion" else f"{self.order_id}/{self.channel}"


# Outcomes of an attempt. A reason is a code, never a text that somebody else made.
@dataclass(frozen=True, slots=True)
class Sent:
    STATE: ClassVar = "sent"
    gateway_id: str | None = None


@dataclass(frozen=True, slots=True)
class Refused:
    """For good: trying again would not help."""

    STATE: ClassVar = "refused"
    reason: str


@dataclass(frozen=True, slots=True)
class GivenUp:
    """A passing fault that outlasted its attempts."""

    STATE: ClassVar = "given_up"
    reason: str


@dataclass(frozen=True, slots=True)
class Later:
    STATE: ClassVar = "due"
    reason: str
    next_at: datetime


Outcome = Sent | Refused | GivenUp | Later


class MessageStore:
    def __init__(self, database: Database) -> None:
        self._messages = database[COLLECTION]

    async def ensure_indexes(self) -> None:
        await self._messages.create_index(
            [("next_at", ASCENDING)], partialFilterExpression={"state": "due"}, name="messages_due"
        )
        await self._messages.create_index("order_id")
        await self._messages.create_index("campaign", sparse=True)

    async def queue(self, messages: Sequence[Due], now: datetime) -> None:
        """Each once: a message that is there, in whatever state, stays as it is."""
        await insert_new(self._messages, [_document(due, now) for due in messages])

    async def take_due(self, now: datetime, limit: int) -> tuple[list[Message], bool]:
        """The messages due longest, leased to the caller alone, and whether there may be more: another replica may
        have leased some of them, or all, in the same moment."""
        due = {"state": "due", "next_at": {"$lte": now}}
        found, more = await take_due(
            self._messages, due, at="next_at", until=now + LEASE, limit=limit, change={"$inc": {"attempts": 1}}
        )
        return [_message(document) for document in found], more

    async def lines_held_up(self, messages: Sequence[Message]) -> set[str]:
        """Ids of those that would overtake one that is due too, earlier in their line and not among them."""
        taken = [message.message_id for message in messages]
        others = {
            "order_id": {"$in": [message.order_id for message in messages]},
            "state": "due",
            "_id": {"$nin": taken},
        }
        ahead = [_message(document) async for document in self._messages.find(others)]
        return {
            message.message_id
            for message in messages
            if any(other.line == message.line and place(other) < place(message) for other in ahead)
        }

    async def settle(self, outcomes: Mapping[str, Outcome], now: datetime) -> None:
        """Message id → outcome of the attempt. One that is settled already stays so."""
        await self._messages.bulk_write(
            [
                UpdateOne({"_id": message_id, "state": "due"}, {"$set": _change(outcome, now), "$unset": {"lease": ""}})
                for message_id, outcome in outcomes.items()
            ],
            ordered=False,
        )

    async def of_order(self, order_id: str) -> list[Document]:
        """Oldest first, without the subject."""
        hidden = {"subject_id": 0, "lease": 0}
        return await self._messages.find({"order_id": order_id}, hidden).sort("created_at", ASCENDING).to_list(None)

    async def uses(self, subject_id: str, most: int, session: Session) -> list[Use]:
        """Newest first: messages that took the person's contact."""
        theirs = self._messages.find({"subject_id": subject_id, **WENT_OUT}, session=session)
        return [_use(document) async for document in theirs.sort("created_at", DESCENDING).limit(most)]

    async def states_of_campaign(self, campaign: str) -> dict[str, int]:
        """State, or the reason of a refusal, → how many."""
        outcome = {"$cond": [{"$eq": ["$state", "refused"]}, {"$concat": ["refused: ", "$reason"]}, "$state"]}
        pipeline: list[dict[str, Any]] = [
            {"$match": {"campaign": campaign}},
            {"$group": {"_id": outcome, "count": {"$sum": 1}}},
        ]
        return {found["_id"]: found["count"] async for found in self._messages.aggregate(pipeline)}


def place(message: Message) -> int:
    """Of a message in its line."""
    return next((n for n, kinds in enumerate(IN_ORDER) if message.kind in kinds), len(IN_ORDER))


def _change(outcome: Outcome, now: datetime) -> Document:
    match outcome:
        case Sent(gateway_id):
            return {"state": outcome.STATE, "settled_at": now, **({"gateway_id": gateway_id} if gateway_id else {})}
        case Refused(reason) | GivenUp(reason):
            return {"state": outcome.STATE, "reason": reason, "settled_at": now}
        case Later(reason, next_at):
            return {"reason": reason, "next_at": next_at}


def _document(due: Due, now: datetime) -> Document:
    document: Document = {
        "_id": due.message_id,
        "subject_id": due.subject_id,
        "order_id": due.order_id,
        "kind": due.kind,
        "channel": due.channel,
        "purpose": due.purpose,
        "state": "due",
        "attempts": 0,
        "next_at": now,
        "created_at": now,
    }
    if due.campaign:
        return {**document, "campaign": due.campaign}
    cause = cause_of(due.subject_id)
    return {**document, "event_id": due.occasion, **({"traceparent": cause} if cause else {})}


def _use(document: Document) -> Use:
    return Use(
        reader="notifications",
        what=document["kind"],
        purpose=document["purpose"],
        fields=FIELDS[document["channel"]],
        at=document.get("settled_at") or document["created_at"],
        order_id=document["order_id"],
        channel=document["channel"],
        state=document["state"],
    )


def _message(document: Document) -> Message:
    return Message(
        message_id=document["_id"],
        kind=document["kind"],
        channel=document["channel"],
        purpose=document["purpose"],
        order_id=document["order_id"],
        subject_id=document.get("subject_id"),
        campaign=document.get("campaign"),
        attempts=document["attempts"],
        traceparent=document.get("traceparent"),
    )
