"""Take in what has come to the controller's mailbox: each mail becomes one application, however often it is read.

An application's id is a keyed hash of the mail as the server has it, so that two replicas, a crash between two steps
or a mailbox that was numbered anew (RFC 3501 2.3.1.1) make nothing twice. No mail can stop the queue: whatever it is,
it becomes an application for a person to look at.
"""

import asyncio
import hashlib
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final, Protocol

import structlog

from services.privacy.mailbox.application import Application
from services.privacy.mailbox.application_store import ApplicationStore
from services.privacy.mailbox.guess_language import guess_language
from services.privacy.mailbox.imap_mailbox import Arrived, Fetched
from services.privacy.mailbox.read_mail import Mail, read_mail
from services.privacy.mailbox.reply_store import application_answered
from shared.sealing.people_index import PeopleIndex

AT_ONCE: Final = 20
log = structlog.get_logger()


class Arrivals(Protocol):
    async def arrived(self, known: Callable[[int], int], most: int) -> Arrived: ...


class Registered(Protocol):
    async def subject_of(self, mail: Mail | None) -> str | None: ...


class ApplicationIntake:
    """`registered`: whose address a mail came from. `pause`: between two looks at the mailbox."""

    def __init__(
        self,
        mailbox: Arrivals,
        applications: ApplicationStore,
        index: PeopleIndex,
        registered: Registered,
        pause: timedelta = timedelta(0),
    ) -> None:
        self._mailbox = mailbox
        self._applications = applications
        self._index = index
        self._registered = registered
        self._pause = pause.total_seconds()
        self._look_at = 0.0

    async def take_new(self, now: datetime) -> bool:
        """The mails that came since, once the pause is over. Whether there may be more. Raises MailboxAway."""
        if time.monotonic() < self._look_at:
            return False
        highest = await self._applications.highest_numbers()
        arrived = await self._mailbox.arrived(lambda validity: highest.get(validity, 0), AT_ONCE)
        taken = await self._applications.take(
            [await self._application(arrived.validity, mail, now) for mail in arrived.mails]
        )
        if taken:
            log.info("applications_taken", count=taken)
        if len(arrived.mails) == AT_ONCE:
            return True
        self._look_at = time.monotonic() + self._pause
        return False

    async def _application(self, validity: int, fetched: Fetched, now: datetime) -> Application:
        """Dated at its receipt by the server; by no time that is yet to come. Whose it is, where its sender's address
        is registered for somebody."""
        mail = await asyncio.to_thread(read_mail, fetched.content)
        subject_id = None if mail.automatic else await self._registered.subject_of(mail)
        return Application(
            application_id=self._id(fetched),
            validity=validity,
            uids=(fetched.uid,),
            received_at=min(fetched.received_at, now),
            taken_at=now,
            language=guess_language(f"{mail.subject}\n{mail.text}"),
            automatic=mail.automatic,
            follows=application_answered(mail.references),
            state="new" if subject_id is None else "matched",
            moved_at=now,
            subject_id=subject_id,
            matched_by=None if subject_id is None else "sender",
            sender_known=subject_id is not None,
        )

    def _id(self, fetched: Fetched) -> str:
        """Without its number at the server. A mail that was delivered twice within a second is one."""
        told_apart = f"{fetched.received_at.isoformat()} {fetched.size} {hashlib.sha256(fetched.content).hexdigest()}"
        return self._index.entry("mail", told_apart)
