"""What the console stands on, with a real MongoDB and keys of its own."""

from dataclasses import dataclass
from pathlib import Path

from services.privacy.console.account_store import AccountStore
from services.privacy.console.accounts import Accounts
from services.privacy.console.one_time_code import OneTimeSecrets, create_key
from services.privacy.console.passwords import Passwords
from services.privacy.console.sign_in import SignIn
from shared.stores.mongo import Database


@dataclass(frozen=True)
class Desk:
    accounts: Accounts
    sign_in: SignIn


async def a_desk(database: Database, keys: Path) -> Desk:
    create_key(keys)
    store, passwords, secrets = AccountStore(database), Passwords(), OneTimeSecrets.from_folder(keys)
    await store.ensure_indexes()
    return Desk(Accounts(store, passwords, secrets), SignIn(store, passwords, secrets))
