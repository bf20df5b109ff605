"""A step of an application: its new state, its reply and its ledger entry, in one transaction, or none of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from services.privacy.console.record import Record
from services.privacy.ledger import Entry
from services.privacy.mailbox.application import Application, State
from services.privacy.mailbox.application_store import ApplicationStore
from services.privacy.mailbox.reply_store import ReplyKind, ReplyStore
from shared.policy.rows import Language
from shared.stores.mongo import Session

DEFAULT_LANGUAGE: Language = "kk"


class MovedMeanwhile(Exception):
    def __init__(self) -> None:
        super().__init__("Somebody has dealt with this application meanwhile: look at it again.")


@dataclass(frozen=True, slots=True)
class ApplicationSteps:
    applications: ApplicationStore
    replies: ReplyStore
    record: Record

    async def step(
        self,
        application: Application,
        what: str,
        now: datetime,
        *,
        to: State,
        changes: Mapping[str, Any] | None = None,
        reply: ReplyKind | None = None,
        language: Language | None = None,
        detail: Mapping[str, Any],
    ) -> None:
        """`detail`: ids and codes, for the ledger. What answers a reply of ours goes the way of what it follows, once
        that is settled or a case. A program gets no reply. Raises MovedMeanwhile, also where nothing is to be done
        with the application any more."""
        if not application.is_open:
            raise MovedMeanwhile

        async def change(session: Session) -> None:
            if not await self.applications.move(application, dict(changes or {}), now, session, to=to):
                raise MovedMeanwhile
            if reply is not None and not application.automatic:
                spoken = language or application.language or DEFAULT_LANGUAGE
                await self.replies.queue(application.application_id, reply, spoken, now, session)

        await self.record.note(Entry(what, application.application_id, dict(detail)), now, change)
