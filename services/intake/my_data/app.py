"""My data: its composition root, as app.py is the service's. All its pages, on one screen."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
from fastapi import APIRouter

from services.intake.call_backs.call_back_store import CallBackStore
from services.intake.correct_data import PUBLISHER, CorrectData
from services.intake.correction_store import CorrectionStore
from services.intake.holdings import Holdings
from services.intake.lead_contacts import ContactLeading
from services.intake.my_data.case_link_store import COLLECTION as CASE_LINKS
from services.intake.my_data.case_link_store import CaseLinkStore
from services.intake.my_data.case_pages import CasePages
from services.intake.my_data.choose_promotions import ChoosePromotions
from services.intake.my_data.code_sending import CodeSending
from services.intake.my_data.code_store import COLLECTION as CODES
from services.intake.my_data.code_store import CodeStore
from services.intake.my_data.correction_pages import CorrectionPages
from services.intake.my_data.follow_cases import CaseFollowing
from services.intake.my_data.held_data import HeldDataView
from services.intake.my_data.known_people import KnownPeople
from services.intake.my_data.my_data_pages import MyDataPages
from services.intake.my_data.one_time_codes import OneTimeCodes
from services.intake.my_data.past_corrections import PastCorrections
from services.intake.my_data.sign_in_pages import SignInPages
from services.intake.my_data.visitors import Visitors
from services.intake.my_data.withdraw_everything import WithdrawEverything
from services.intake.reader_envelopes import ReaderEnvelopes
from services.intake.settings import IntakeSettings
from shared.mail.sms_gateway import SmsGateway
from shared.mail.smtp import Mailer
from shared.pages.attempts import Attempts
from shared.pages.render import Pages
from shared.policy.model import Policy
from shared.stores.mongo import Client


class MyData:
    """`following`: handles the topic `cases`. `sending`: sends the codes."""

    def __init__(
        self,
        settings: IntakeSettings,
        policy: Policy,
        client: Client,
        holdings: Holdings,
        pages: Pages,
        attempts: Attempts,
    ) -> None:
        # No proxy from the environment: numbers go to the gateway and nowhere else.
        self._http = httpx.AsyncClient(base_url=str(settings.sms_gateway_url), trust_env=False)
        self._mailer = Mailer(settings.smtp_host, settings.smtp_port, policy.controller.mailbox)
        database = client["intake"]
        waiting = CodeStore(database, policy.kept("intake", CODES))
        links = CaseLinkStore(database, policy.kept("intake", CASE_LINKS))
        self._stores = (waiting, links)
        people = KnownPeople(client, holdings.keyring, holdings.subjects)
        self.following = CaseFollowing(links)
        visitors = Visitors(people)
        codes = OneTimeCodes(waiting, holdings.people, attempts)
        self.sending = CodeSending(self._mailer, SmsGateway(self._http), site=policy.controller.site)
        corrections = CorrectionStore(database)
        view = HeldDataView(
            holdings.orders,
            CallBackStore(database),
            holdings.consents,
            holdings.subjects,
            holdings.openings,
            holdings.opener,
            holdings.people,
            PastCorrections(corrections, holdings.openings, holdings.opener),
        )
        correcting = CorrectData(
            client,
            holdings.orders,
            holdings.subjects,
            corrections,
            holdings.openings,
            holdings.keyring,
            holdings.people,
            ContactLeading(holdings.keyring, holdings.subjects, holdings.people),
            holdings.opener,
            holdings.unwrapper,
            ReaderEnvelopes(policy, publisher=PUBLISHER),
            holdings.outbox,
        )
        parts = (
            SignInPages(
                pages=pages,
                codes=codes,
                sending=self.sending,
                people=people,
                visitors=visitors,
                attempts=attempts,
            ),
            MyDataPages(
                pages=pages,
                visitors=visitors,
                view=view,
                inspections=holdings.inspections,
                promotions=ChoosePromotions(client, holdings.subjects, holdings.consents, holdings.outbox, policy),
                withdrawing=WithdrawEverything(client, holdings.consents, links, holdings.outbox, policy),
                policy=policy,
            ),
            CorrectionPages(
                pages=pages,
                visitors=visitors,
                view=view,
                correcting=correcting,
                codes=codes,
                sending=self.sending,
                attempts=attempts,
                people=holdings.people,
            ),
            CasePages(pages=pages, links=links),
        )
        self.router = APIRouter()
        for part in parts:
            self.router.include_router(part.router)

    async def ensure_indexes(self) -> None:
        for store in self._stores:
            await store.ensure_indexes()

    @asynccontextmanager
    async def reaching_people(self) -> AsyncIterator[None]:
        """While the block runs, codes are sent. One that is on its way at the end is lost."""
        async with self._http:
            yield
            await self.sending.close()
        await self._mailer.close()
