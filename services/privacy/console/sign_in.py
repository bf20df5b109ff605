"""Sign in to the console with a name, a password and a one-time code; the first time, the code's secret is shown.

Whatever is wrong, the answer is the same and takes the same time: nobody learns which names there are, whether a
password was right, or whether an account is paused.
"""

from dataclasses import dataclass
from datetime import datetime

from services.privacy.console.account_store import Account, AccountStore
from services.privacy.console.one_time_code import OneTimeSecrets
from services.privacy.console.passwords import Passwords
from services.privacy.console.roles import Staff


@dataclass(frozen=True, slots=True)
class SignedIn:
    staff: Staff


@dataclass(frozen=True, slots=True)
class SecretToShow:
    """The password was right, and the person has no secret yet: show it, and ask for a code of it."""

    account: Account


@dataclass(frozen=True, slots=True)
class Refused:
    """Name, password or code is wrong, the account is paused or disabled: it is not said which."""


Outcome = SignedIn | SecretToShow | Refused


@dataclass(frozen=True, slots=True)
class SignIn:
    accounts: AccountStore
    passwords: Passwords
    secrets: OneTimeSecrets

    async def try_password(self, name: str, password: str, code: str, now: datetime) -> Outcome:
        """One try, counted. Without a code only where the secret has never been shown a code of."""
        account = await self.accounts.begin_try(name, now)
        fits = await self.passwords.fits(password, account.password_hash if account else None)
        if account is None or not fits or not account.may_try(now):
            return Refused()
        if account.enrolled_at is None:
            return SecretToShow(account)
        return await self._try_code(account, code, now)

    async def try_first_code(self, account_id: str, code: str, now: datetime) -> Outcome:
        """The first code of a secret that has just been shown; a wrong one is a try like any other."""
        account = await self.accounts.by_id(account_id)
        if account is None:
            return Refused()
        counted = await self.accounts.begin_try(account.name, now)
        if counted is None or not counted.may_try(now) or counted.enrolled_at is not None:
            return Refused()
        return await self._try_code(counted, code, now)

    async def _try_code(self, account: Account, code: str, now: datetime) -> Outcome:
        if account.one_time_sealed is None:
            return Refused()
        step = self.secrets.step_of(code.replace(" ", ""), account.one_time_sealed, account.account_id, now)
        if step is None or not await self.accounts.use_step(account.account_id, step, now):
            return Refused()
        await self.accounts.enrol(account.account_id, now)
        return SignedIn(account.staff)
