"""Send the letters of a case, in the person's language: received, deferred with its reason, done.

Never silence (Law 94-V art. 8(7)). Each letter has one Message-ID however often it is tried, and the letters of
one case go out in order. A letter that cannot be delivered is given up on after a bounded time and the certificate says
so: an erasure never waits for a mailbox.
"""

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from jinja2 import Environment
from opentelemetry.trace import SpanKind

from services.privacy.case import Case
from services.privacy.case_facts import LetterSettled
from services.privacy.case_store import CaseStore
from services.privacy.erase_subject import ErasureProcess
from services.privacy.letter_store import Letter, LetterStore
from shared.contracts.views import PrivacyView
from shared.mail.smtp import Mailer, MailNotAccepted, MailServerAway
from shared.messaging.consume import PASSING_FAULTS
from shared.observability.tracing import span
from shared.policy.rows import Controller
from shared.policy.working_days import ALMATY
from shared.sealing.envelope import EnvelopeNotAuthentic
from shared.sealing.kek import KekUnavailable
from shared.sealing.opener import Opener, PurposeRefused, Sealed, SubjectErased, SubjectUnknown

PURPOSE = "3.2.6"
GIVE_UP_AFTER_ATTEMPTS = 12
AT_ONCE = 8
LONGEST_PAUSE = timedelta(seconds=300)
log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class LetterSender:
    letters: LetterStore
    cases: CaseStore
    process: ErasureProcess
    opener: Opener
    mailer: Mailer
    templates: Environment
    controller: Controller

    async def send_due(self, now: datetime) -> bool:
        """Send the letters due longest, several at a time. Returns whether there were any."""
        return any(await asyncio.gather(*(self._send_next(now) for _ in range(AT_ONCE))))

    async def _send_next(self, now: datetime) -> bool:
        letter = await self.letters.take_due(now)
        if letter is None:
            return False
        if await self.letters.waits_for_another(letter):
            await self.letters.postpone(letter.letter_id, now + _pause(letter.attempts - 1))
            return False
        try:
            outcome = await self._send(letter)
        except PASSING_FAULTS:
            raise  # it is due again when its lease is over
        except Exception as error:
            if letter.attempts < GIVE_UP_AFTER_ATTEMPTS:
                await self.letters.postpone(letter.letter_id, now + _pause(letter.attempts))
                log.warning(
                    "letter_postponed",
                    case_id=letter.case_id,
                    kind=letter.kind,
                    delay_seconds=_pause(letter.attempts).seconds,
                    exc_info=error,
                )
                return True
            outcome = "mail server away" if isinstance(error, MailServerAway) else f"failed: {type(error).__name__}"
        await self.process.tell([(letter.case_id, LetterSettled(letter.kind, outcome))], now)
        await self.letters.settle(letter.letter_id, outcome, now)
        log.info("letter_settled", case_id=letter.case_id, kind=letter.kind, outcome=outcome)
        return True

    async def _send(self, letter: Letter) -> str:
        case = await self.cases.by_id(letter.case_id)
        if case is None or case.contact is None:
            return "no contact any more"
        contact = case.contact
        sealed = Sealed(contact.event_id, contact.event_type, case.subject_id, contact.envelope)
        try:
            person = PrivacyView.model_validate(await self.opener.open(sealed, purpose=PURPOSE))
        except (EnvelopeNotAuthentic, KekUnavailable, PurposeRefused, SubjectErased, SubjectUnknown) as refusal:
            return f"contact not readable: {type(refusal).__name__}"
        if person.email is None:
            return "no e-mail address"
        subject, body = self._text(letter, case, person)
        known = {"sealed.case_id": case.case_id, "sealed.purpose": PURPOSE}
        try:
            with span(f"send letter {letter.kind}", of=case.traceparent, kind=SpanKind.CLIENT, attributes=known):
                message_id = f"letter-{letter.letter_id}"
                await self.mailer.send(message_id=message_id, to=person.email, subject=subject, body=body)
        except MailNotAccepted as refused:
            return f"refused by the mail server ({refused.code})"
        return "sent"

    def _text(self, letter: Letter, case: Case, person: PrivacyView) -> tuple[str, str]:
        template = self.templates.get_template(f"{letter.kind}.{person.language or 'kk'}.txt")
        received_on = case.received_at.astimezone(ALMATY).date()
        text = template.render(
            given_name=person.given_name or "", case=case, received_on=received_on, controller=self.controller
        )
        subject, _, body = text.partition("\n")
        return subject, body.lstrip("\n")


def _pause(attempts: int) -> timedelta:
    return min(LONGEST_PAUSE, timedelta(seconds=2**attempts))
