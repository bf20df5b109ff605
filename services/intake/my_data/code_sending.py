"""Send one-time codes, beside the request that asked for one: neither its answer nor its time says whether anybody is
known. A code is written nowhere on its way, so one that could not be sent is lost, and its person asks for another."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

import structlog

from services.intake.contact import Contact
from services.intake.my_data.one_time_codes import MadeCode
from shared.mail.sms_gateway import SmsGateway, SmsGatewayAway, SmsNotAccepted
from shared.mail.smtp import Mailer, MailNotAccepted, MailServerAway
from shared.pages.languages import catalogue
from shared.policy.rows import Language

MOST_AT_ONCE: Final = 200
PAUSES_SECONDS: Final = (1.0, 3.0, 9.0)
log = structlog.get_logger()


async def _wanted() -> bool:
    return True


class CodeSending:
    def __init__(self, mailer: Mailer, sms: SmsGateway, *, site: str) -> None:
        self._mailer = mailer
        self._sms = sms
        self._site = site
        self._tasks: set[asyncio.Task[None]] = set()

    def later(
        self, contact: Contact, made: MadeCode, language: Language, wanted: Callable[[], Awaitable[bool]] = _wanted
    ) -> None:
        """Returns at once. `wanted` is asked beside the request, too: whether the code is to be sent at all."""
        if len(self._tasks) >= MOST_AT_ONCE:
            log.warning("code_not_sent", attempt_id=made.attempt_id, error="too many at once")
            return
        task = asyncio.create_task(self._send_if(contact, made, language, wanted))
        self._tasks.add(task)  # the event loop itself would let it be collected
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _send_if(
        self, contact: Contact, made: MadeCode, language: Language, wanted: Callable[[], Awaitable[bool]]
    ) -> None:
        try:
            if await wanted() and made.digits is not None:
                await self._send_or_give_up(contact, made, made.digits, language)
        except Exception as error:  # nobody waits for this task
            log.error("code_not_sent", attempt_id=made.attempt_id, exc_info=error)

    async def _send_or_give_up(self, contact: Contact, made: MadeCode, digits: str, language: Language) -> None:
        for pause in (*PAUSES_SECONDS, None):
            try:
                await self._send(contact, made, digits, language)
            except (MailServerAway, SmsGatewayAway) as fault:
                if pause is None:
                    log.warning("code_not_sent", attempt_id=made.attempt_id, error=type(fault).__name__)
                    return
                await asyncio.sleep(pause)
            except (MailNotAccepted, SmsNotAccepted) as refusal:
                log.warning("code_not_sent", attempt_id=made.attempt_id, error=type(refusal).__name__)
                return
            else:
                log.info("code_sent", attempt_id=made.attempt_id, channel=contact.channel)
                return

    async def _send(self, contact: Contact, made: MadeCode, digits: str, language: Language) -> None:
        """The same message id however often it is tried."""
        message_id, gettext = f"code-{made.attempt_id}", catalogue(language).gettext
        known = {"site": self._site, "code": digits}
        if contact.channel == "phone":
            text = gettext("%(site)s: your code is %(code)s. Tell it to nobody.") % known
            await self._sms.send(message_id=message_id, to=contact.value, text=text)
            return
        subject = gettext("Your code for %(site)s") % known
        body = gettext(
            "Your code is %(code)s. It is good for ten minutes, on the page where you asked for it.\n\n"
            "We never ask for it by phone: tell it to nobody. If you did not ask for it, do nothing."
        )
        await self._mailer.send(message_id=message_id, to=contact.value, subject=subject, body=f"{body % known}\n")
