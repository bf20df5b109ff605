"""Call-backs: their composition root, as app.py is the service's. Their pages, routes and work, on one screen."""

from datetime import datetime

from fastapi import APIRouter
from pydantic import SecretStr

from services.intake.call_backs.call_back_pages import CallBackPages
from services.intake.call_backs.call_back_routes import CallBackRoutes
from services.intake.call_backs.call_back_store import COLLECTION, CallBackStore
from services.intake.call_backs.end_call_backs import EndCallBacks
from services.intake.call_backs.list_call_backs import CallBackQueue
from services.intake.call_backs.operator_pages import OperatorPages
from services.intake.call_backs.request_call_back import RequestCallBack
from services.intake.holdings import Holdings
from services.intake.recognise_people import Recognition
from shared.pages.attempts import Attempts
from shared.pages.render import Pages
from shared.policy.model import Policy
from shared.stores.mongo import Client


class CallBacks:
    def __init__(
        self,
        client: Client,
        policy: Policy,
        holdings: Holdings,
        recognition: Recognition,
        pages: Pages,
        attempts: Attempts,
        token: SecretStr,
    ) -> None:
        """`token`: the operators'."""
        subjects = holdings.subjects
        self._store = store = CallBackStore(client["intake"])
        self._ending = ending = EndCallBacks(
            client, store, subjects, holdings.outbox, policy.kept("intake", COLLECTION)
        )
        calling = RequestCallBack(client, store, subjects, recognition, holdings.people, policy)
        queue = CallBackQueue(store, holdings.openings, holdings.opener)
        parts = (
            CallBackPages(pages=pages, calling=calling, policy=policy),
            OperatorPages(pages=pages, token=token, attempts=attempts, queue=queue, ending=ending, call_backs=store),
            CallBackRoutes(token=token, queue=queue, ending=ending),
        )
        self.router = APIRouter()
        for part in parts:
            self.router.include_router(part.router)

    async def ensure_indexes(self) -> None:
        await self._store.ensure_indexes()

    async def expire(self, now: datetime) -> bool:
        """Work that nobody asks for: requests past their period go."""
        return await self._ending.expire(now)
