"""What the console stands on, with a real MongoDB and keys of its own."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
from fastapi import FastAPI

from deploy.local.stack import LocalStack
from services.privacy.app import build
from services.privacy.console.account_store import AccountStore
from services.privacy.console.accounts import Accounts
from services.privacy.console.one_time_code import OneTimeSecrets, create_key
from services.privacy.console.passwords import Passwords
from services.privacy.console.roles import Role
from services.privacy.console.sign_in import SignIn
from services.privacy.settings import PrivacySettings
from shared.contracts.inspections import SubjectInspected
from shared.erasure.ask_stores import Inspections
from shared.messaging.cloudevents import new_id
from shared.messaging.outbox import Outbox
from shared.pages.sessions import COOKIE
from shared.policy.load import load_policy
from shared.stores.mongo import Client, Database
from tests.builders import received


@dataclass(frozen=True)
class Desk:
    accounts: Accounts
    sign_in: SignIn


async def a_desk(database: Database, keys: Path) -> Desk:
    create_key(keys)
    store, passwords, secrets = AccountStore(database), Passwords(), OneTimeSecrets.from_folder(keys)
    await store.ensure_indexes()
    return Desk(Accounts(store, passwords, secrets), SignIn(store, passwords, secrets))


class Visitor:
    """A browser at the privacy service, as far as HTTP goes: cookies kept, forms sent from its own page."""

    def __init__(self, app: FastAPI, desk: Desk) -> None:
        self._desk = desk
        self.http = httpx.AsyncClient(
            transport=httpx.ASGITransport(app, raise_app_exceptions=False),
            base_url="https://console.example.kz",
            headers={"sec-fetch-site": "same-origin", "accept": "text/html", "accept-language": "en"},
        )

    async def get(self, path: str, **more: Any) -> httpx.Response:
        return await self.http.get(path, **more)

    async def post(self, path: str, **form: str) -> httpx.Response:
        return await self.http.post(path, data=form)

    async def sign_in(self, name: str, password: str) -> None:
        """For the first time: the secret is shown, and a code of it ends the sign-in."""
        answer = await self.post("/console/sign-in", name=name, password=password)
        assert answer.headers["location"] == "/console/sign-in/code"
        code = await self._desk.accounts.present_code(name, datetime.now(UTC))
        answer = await self.post("/console/sign-in/code", code=code)
        assert (answer.status_code, answer.headers["location"]) == (303, "/console")

    @property
    def session(self) -> str | None:
        return self.http.cookies.get(COOKIE)


class PrivacyService:
    """The service's whole HTTP side, without its consumers and workers."""

    def __init__(self, stack: LocalStack, mongo: Client, **settings: Any) -> None:
        keys = stack.layout.keys / "privacy"
        self.database = mongo["privacy"]
        self.app = build(
            PrivacySettings.model_validate(
                {
                    "SEALED_PORT": 1,
                    "KAFKA_BOOTSTRAP_SERVERS": stack.info.kafka.bootstrap_servers,
                    "MONGODB_URI": stack.mongodb_uri("privacy"),
                    "SEALED_KEYS_DIR": keys,
                    "SEALED_OFFICER_TOKEN": "officer's token",
                    "SMTP_HOST": "127.0.0.1",
                    "SMTP_PORT": 1,
                    **settings,
                }
            )
        )
        store, passwords, secrets = AccountStore(self.database), Passwords(), OneTimeSecrets.from_folder(keys)
        self.desk = Desk(Accounts(store, passwords, secrets), SignIn(store, passwords, secrets))
        self.client = mongo

    def visitor(self) -> Visitor:
        return Visitor(self.app, self.desk)

    async def member(self, role: Role) -> Visitor:
        """Somebody of that role, signed in; each under a name of their own."""
        visitor, name = self.visitor(), new_id()
        given = await self.desk.accounts.add(name, role, datetime.now(UTC))
        await visitor.sign_in(name, given.password)
        return visitor

    async def answer_inspection(self, path: str, **held: Mapping[str, Mapping[str, int]]) -> None:
        """All stores answer the preview at this address; `held`: store → collection → counts."""
        subject_id, inspection_id = path.split("/")[3], path.split("/")[5]
        outbox = Outbox(self.database, None, service="privacy")  # type: ignore[arg-type]
        policy = load_policy()
        inspections = Inspections("privacy", client=self.client, database=self.database, outbox=outbox, policy=policy)
        answers = [
            SubjectInspected.model_validate(
                {
                    "subject_id": subject_id,
                    "inspection_id": inspection_id,
                    "asked_by": "privacy",
                    "store": store,
                    "inspected_at": datetime.now(UTC),
                    "collections": held.get(store, {}),
                }
            )
            for store in policy.erasing_stores
        ]
        await inspections.on_inspected([received(answer, source=answer.store) for answer in answers])
