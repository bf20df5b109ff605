"""Who may come in: each page of the console says which roles it is for, and whoever else comes is turned away."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from urllib.parse import quote

from fastapi import Depends, Request
from fastapi.params import Depends as Dependency

from services.privacy.console.account_store import AccountStore
from services.privacy.console.roles import ROLES, Role, Staff
from shared.http.problems import Problem
from shared.pages.sessions import signed_in

HOME: Final = "/console"
SIGN_IN: Final = f"{HOME}/sign-in"
IDLE: Final = timedelta(minutes=15)
LONGEST: Final = timedelta(hours=8)


@dataclass(frozen=True, slots=True)
class Door:
    """A FastAPI dependency: lets in who is signed in in one of the roles; `staff_of` then says who it is. The account
    is asked each time, so that a disabled one is out at once, and so is one whose role is another now.

    Raises Problem: 303 to the sign-in for strangers, 403 for the other role."""

    accounts: AccountStore
    roles: tuple[Role, ...]

    async def __call__(self, request: Request) -> None:
        staff = await self._staff(request)
        if staff is None:
            back = request.url.path if request.method == "GET" else HOME
            where = {"Location": f"{SIGN_IN}?next={quote(local_path(back))}"}
            raise Problem(303, "Sign in", "Sign in to see this page.", headers=where)
        if staff.role not in self.roles:
            raise Problem(403, "Not yours to do", "This is for the other role of the console.")
        request.state.staff = staff

    async def _staff(self, request: Request) -> Staff | None:
        for role in ROLES:
            if account_id := signed_in(request, role):
                account = await self.accounts.by_id(account_id)
                usable = account is not None and account.disabled_at is None and account.role == role
                return account.staff if account is not None and usable else None
        return None


@dataclass(frozen=True, slots=True)
class Doors:
    accounts: AccountStore

    def open_to(self, *roles: Role) -> Dependency:
        """For the `dependencies` of a router or a route."""
        dependency: Dependency = Depends(Door(self.accounts, roles))
        return dependency


def staff_of(request: Request) -> Staff:
    """Who is signed in, on a page behind a door."""
    staff: Staff = request.state.staff
    return staff


def local_path(wanted: str | None) -> str:
    """Where to go after signing in: a path of the console, or its first page. Never another site."""
    if wanted is None or not (wanted == HOME or wanted.startswith(f"{HOME}/")):
        return HOME
    return wanted if wanted.isprintable() and not set(wanted) & set("\\?#%") and "//" not in wanted else HOME
