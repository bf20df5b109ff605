"""Who is signed in on the pages, and with which contact they proved it."""

from datetime import timedelta
from typing import Final, cast

from fastapi import Request
from fastapi.responses import RedirectResponse

from services.intake.contact import Channel
from services.intake.my_data.known_people import KnownPeople
from services.intake.my_data.one_time_codes import Confirmed
from services.intake.visitor import Visitor
from shared.pages.sessions import begin, end, signed_in

ROLE: Final = "client"
LONGEST: Final = timedelta(hours=2)
SIGN_IN: Final = "/my-data/sign-in"


class Visitors:
    def __init__(self, people: KnownPeople) -> None:
        self._people = people

    async def welcome(self, request: Request, subject_id: str, confirmed: Confirmed) -> None:
        """Signed in from now on, under a new session."""
        await begin(request, who=subject_id, role=ROLE, most=LONGEST)
        self.proved(request, confirmed)

    def proved(self, request: Request, confirmed: Confirmed) -> None:
        """That this contact is theirs, too: they see what holds it from now on."""
        request.session.update(channel=confirmed.channel, entry=confirmed.entry)

    async def signed_in(self, request: Request) -> Visitor | None:
        """None also for who was restricted or erased since they signed in: that ends their sessions, wherever."""
        subject_id = signed_in(request, ROLE)
        if subject_id is None:
            return None
        if not await self._people.may_see(subject_id):
            end(request)
            return None
        session = request.session
        return Visitor(subject_id, cast(Channel, session["channel"]), str(session["entry"]))


def to_sign_in() -> RedirectResponse:
    return RedirectResponse(SIGN_IN, 303)
