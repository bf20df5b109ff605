"""A person asks to be called back (footer of the site; purpose 3.2.4): durable before anybody says so.

One number waits once: a form sent again, and a request repeated after a crash, find what is there already.
"""

from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Final

import structlog
from pymongo.errors import BulkWriteError

from services.intake.call_backs.call_back_form import CallBackForm
from services.intake.call_backs.call_back_store import CallBackStore
from services.intake.order import Face
from services.intake.recognise_people import Recognition
from services.intake.subject_store import SubjectStore
from shared.messaging.cloudevents import new_id
from shared.policy.model import Policy
from shared.policy.working_days import almaty_day
from shared.sealing.envelope import Binding, seal
from shared.sealing.people_index import PeopleIndex
from shared.sealing.subject_keys import SubjectKeys
from shared.stores.mongo import Client, Document, Session, in_transaction, only_there_already

NOTICE: Final = "call_back"
RECORD: Final = "kz.exl.CallBackRequested.v1"  # bound into the envelope, as an event's type is; nothing is published
READER: Final = "intake"
ATTEMPTS: Final = 5
log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class RequestCallBack:
    client: Client
    call_backs: CallBackStore
    subjects: SubjectStore
    recognition: Recognition
    people: PeopleIndex
    policy: Policy

    async def request(self, form: CallBackForm, now: datetime, *, attempts: int = ATTEMPTS) -> str:
        """Id of the request that now waits for this number. When it raises, nothing was stored."""
        number = self.people.entry("phone", form.phone)
        try:
            call_back_id = await in_transaction(self.client, partial(self._request, form, number, now))
        except BulkWriteError as error:
            # Another replica met the same person a moment earlier: now they will be found.
            if attempts == 1 or not only_there_already(error):
                raise
            return await self.request(form, now, attempts=attempts - 1)
        log.info("call_back_requested", language=form.language)
        return call_back_id

    async def _request(self, form: CallBackForm, number: str, now: datetime, session: Session) -> str:
        recognised = await self.recognition.recognise([Face(number)], now, session)
        (keys,) = recognised.keys
        new = keys.subject_id in recognised.created
        # Before the look-up: of two requests for one number this makes the second begin again, and find the first.
        await self.subjects.asked_for_a_call(keys.subject_id, new=new, now=now, session=session)
        if waiting := await self.call_backs.waiting_for(number, keys.subject_id, session):
            return waiting
        document = self._document(form, number, keys, now)
        await self.call_backs.add(document, session)
        return str(document["_id"])

    def _document(self, form: CallBackForm, number: str, keys: SubjectKeys, now: datetime) -> Document:
        call_back_id = new_id()
        typed = {"given_name": form.given_name, "phone": form.phone}
        granted = self.policy.fields_for(READER)
        fields = {name: value for name, value in typed.items() if name in granted}
        notice = self.policy.notice(NOTICE).text_at(almaty_day(now), form.language)
        return {
            "_id": call_back_id,
            "subject_id": keys.subject_id,
            "event_id": call_back_id,
            "event_type": RECORD,
            "sealed": seal(fields, Binding(call_back_id, RECORD, keys.subject_id, READER), keys.of(READER)),
            "number": number,
            "notice_version": notice.version,
            "notice_sha256": notice.sha256,
            "notice_language": form.language,
            "requested_at": now,
            "unreached": 0,
        }
