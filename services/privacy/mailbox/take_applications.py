"""Take in what has come to the controller's mailbox: each mail becomes one application, however often it is read.

An application's id is a keyed hash of the mail as the server has it, so that two replicas, a crash between two steps
or a mailbox that was numbered anew (RFC 3501 2.3.1.1) make nothing twice. No mail can stop the queue: whatever it is,
it becomes an application for a person to look at.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

import structlog

from services.privacy.mailbox.application import Application
from services.privacy.mailbox.application_store import ApplicationStore
from services.privacy.mailbox.guess_language import guess_language
from services.privacy.mailbox.imap_mailbox import Arrived, Fetched, MailboxAway
from services.privacy.mailbox.read_mail import read_mail
from services.privacy.mailbox.reply_store import application_answered
from shared.sealing.people_index import PeopleIndex

AT_ONCE: Final = 20
log = structlog.get_logger()


class Arrivals(Protocol):
    async def arrived(self, known: Callable[[int], int], most: int) -> Arrived: ...


@dataclass(frozen=True, slots=True)
class ApplicationIntake:
    mailbox: Arrivals
    applications: ApplicationStore
    index: PeopleIndex

    async def take_new(self, now: datetime) -> bool:
        """The mails that came since. Whether there may be more."""
        highest = await self.applications.highest_numbers()
        try:
            arrived = await self.mailbox.arrived(lambda validity: highest.get(validity, 0), AT_ONCE)
        except MailboxAway:
            log.warning("mailbox_away")
            return False
        taken = await self.applications.take(self._application(arrived.validity, mail, now) for mail in arrived.mails)
        if taken:
            log.info("applications_taken", count=taken)
        return len(arrived.mails) == AT_ONCE

    def _application(self, validity: int, fetched: Fetched, now: datetime) -> Application:
        """Dated at its receipt by the server; by no time that is yet to come."""
        mail = read_mail(fetched.content)
        return Application(
            application_id=self._id(fetched),
            validity=validity,
            uids=(fetched.uid,),
            received_at=min(fetched.received_at, now),
            taken_at=now,
            language=guess_language(f"{mail.subject}\n{mail.text}"),
            automatic=mail.automatic,
            follows=application_answered(mail.references),
            moved_at=now,
        )

    def _id(self, fetched: Fetched) -> str:
        """Without its number at the server. A mail that was delivered twice within a second is one."""
        told_apart = f"{fetched.received_at.isoformat()} {fetched.size} {hashlib.sha256(fetched.content).hexdigest()}"
        return self.index.entry("mail", told_apart)
