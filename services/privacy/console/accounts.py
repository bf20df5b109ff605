"""Make, reset, disable, enable accounts: what an administrator does with `sealed officer`, never a page."""

from dataclasses import dataclass, field
from datetime import datetime

from services.privacy.console.account_store import Account, AccountStore
from services.privacy.console.one_time_code import OneTimeSecrets
from services.privacy.console.passwords import SHORTEST, Passwords, new_password
from services.privacy.console.roles import Role
from shared.messaging.cloudevents import new_id

LONGEST_NAME = 64


class NoSuchAccount(Exception):
    def __init__(self) -> None:
        super().__init__("There is no account of that name. 'sealed officer list' shows them.")


class NotUsable(Exception):
    """The name or the password is none that can be given."""


@dataclass(frozen=True, slots=True)
class Given:
    """What the person is told, once."""

    account_id: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Accounts:
    store: AccountStore
    passwords: Passwords
    secrets: OneTimeSecrets

    async def add(self, name: str, role: Role, now: datetime, password: str | None = None) -> Given:
        """A random password, if none is given. Raises NameTaken, NotUsable."""
        if not name.isprintable() or name != name.strip() or not 0 < len(name) <= LONGEST_NAME:
            raise NotUsable(f"A name has 1 to {LONGEST_NAME} printable characters, without blanks around it.")
        given = Given(new_id(), _usable(password))
        await self.store.add(
            given.account_id,
            name,
            role,
            self.passwords.hash(given.password),
            self.secrets.new(given.account_id),
            now,
        )
        return given

    async def reset(self, name: str, password: str | None = None) -> Given:
        """For a lost password or phone: both are new, and the next sign-in shows the secret. Raises NoSuchAccount."""
        account = await self._account(name)
        given = Given(account.account_id, _usable(password))
        await self.store.reset(
            account.account_id, self.passwords.hash(given.password), self.secrets.new(account.account_id)
        )
        return given

    async def disable(self, name: str, now: datetime) -> None:
        """Sessions end at their next request. `name`: or the number, for whom an identity provider vouches:
        it has no name to sign in with here. Raises NoSuchAccount."""
        await self.store.disable((await self._anybodys(name)).account_id, now)

    async def enable(self, name: str) -> None:
        """As before it was disabled. `name`: or the number. Raises NoSuchAccount."""
        await self.store.enable((await self._anybodys(name)).account_id)

    async def present_code(self, name: str, now: datetime) -> str:
        """For development, where nobody holds a phone. Raises NoSuchAccount, SecretUnreadable."""
        account = await self._account(name)
        if account.one_time_sealed is None:
            raise NoSuchAccount
        return self.secrets.present_code(account.one_time_sealed, account.account_id, now)

    async def _anybodys(self, name: str) -> Account:
        account = await self.store.by_name(name) or await self.store.by_id(name)
        if account is None:
            raise NoSuchAccount
        return account

    async def _account(self, name: str) -> Account:
        account = await self.store.by_name(name)
        if account is None:
            raise NoSuchAccount
        return account


def _usable(password: str | None) -> str:
    if password is not None and len(password) < SHORTEST:
        raise NotUsable(f"A password has at least {SHORTEST} characters.")
    return password or new_password()
