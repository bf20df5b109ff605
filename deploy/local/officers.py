"""Accounts of the console for a local stack: one of each role, with random passwords that stay the same in its next
run."""

from dataclasses import dataclass, field
from datetime import UTC, datetime

from deploy.local.credentials import Credentials
from deploy.local.layout import Layout
from services.privacy.console.account_store import AccountStore
from services.privacy.console.accounts import Accounts
from services.privacy.console.one_time_code import OneTimeSecrets
from services.privacy.console.passwords import Passwords
from services.privacy.console.roles import ROLES, Role
from shared.stores.mongo import connect


@dataclass(frozen=True, slots=True)
class Member:
    role: Role
    password: str = field(repr=False)

    @property
    def name(self) -> str:
        return self.role


async def development_accounts(layout: Layout, mongodb_uri: str) -> list[Member]:
    """Made where they are missing. `mongodb_uri`: the administrator's."""
    credentials = Credentials(layout.secrets)
    client = connect(mongodb_uri, service="officers")
    try:
        store = AccountStore(client["privacy"])
        await store.ensure_indexes()
        accounts = Accounts(store, Passwords(), OneTimeSecrets.from_folder(layout.keys / "privacy"))
        members = [Member(role, credentials.password(f"console-{role}")) for role in ROLES]
        for member in members:
            if await store.by_name(member.name) is None:
                await accounts.add(member.name, member.role, datetime.now(UTC), member.password)
        return members
    finally:
        client.close()
