"""Delete a written application from the mail server: once its case is closed, or a period after another answer.

What it says is kept nowhere else. A case's application gets its last reply first; that reply is read off the mail.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Protocol

import structlog

from services.privacy.case_store import CaseStore
from services.privacy.console.record import Record
from services.privacy.ledger import Entry
from services.privacy.mailbox.application import SETTLED, Application
from services.privacy.mailbox.application_steps import DEFAULT_LANGUAGE
from services.privacy.mailbox.application_store import ApplicationStore
from services.privacy.mailbox.reply_store import ReplyStore
from shared.stores.mongo import Client, Session, in_transaction

AT_ONCE: Final = 50
PERIOD: Final = "application_mail"
log = structlog.get_logger()


class Deletable(Protocol):
    async def delete(self, validity: int, uids: Sequence[int]) -> bool: ...


@dataclass(frozen=True, slots=True)
class MailDeletion:
    """`kept`: how long the mail of a settled application stays."""

    client: Client
    mailbox: Deletable
    applications: ApplicationStore
    replies: ReplyStore
    cases: CaseStore
    record: Record
    kept: timedelta

    async def delete_due(self, now: datetime) -> bool:
        """Whether there may be more: never at once, for what could not be deleted is due again. Raises
        MailboxAway."""
        due = await self._of_closed_cases(now)
        for state in SETTLED:
            due += await self.applications.with_mail(state, AT_ONCE, moved_before=now - self.kept)
        waiting = await self.replies.waiting(application.application_id for application in due)
        for application in due:
            if application.application_id not in waiting:
                await self._delete(application, now)
        return False

    async def _of_closed_cases(self, now: datetime) -> list[Application]:
        """Those that got their last reply. It is decided on here."""
        ours = await self.applications.with_mail("case", AT_ONCE)
        steps = await self.cases.steps_of(str(application.case_id) for application in ours)
        closed = [a for a in ours if a.case_id in steps and steps[a.case_id].state == "closed"]
        for application in closed:
            if not application.automatic and application.follows is None:
                await self._queue_last(application, now)
        return closed

    async def _queue_last(self, application: Application, now: datetime) -> None:
        async def work(session: Session) -> None:
            language = application.language or DEFAULT_LANGUAGE
            await self.replies.queue(application.application_id, "done", language, now, session)

        await in_transaction(self.client, work)

    async def _delete(self, application: Application, now: datetime) -> None:
        """The mail first: a crash in between deletes once more, what is gone. Its numbers may not be valid any more:
        then it is taken in again under new ones, and is due again."""
        if not await self.mailbox.delete(application.validity, application.uids):
            return

        async def change(session: Session) -> None:
            await self.applications.deleted(application.application_id, now, session)

        detail = {"mails": len(application.uids), "case_id": application.case_id}
        await self.record.note(Entry("application_mail_deleted", application.application_id, detail), now, change)
        log.info("application_mail_deleted", count=len(application.uids))
