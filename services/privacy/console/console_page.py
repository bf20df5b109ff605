"""Show a page of the console: with who is signed in, and what waits for them."""

from dataclasses import dataclass
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse

from services.privacy.console.doors import staff_of
from services.privacy.console.proposal_store import ProposalStore
from shared.pages.render import Pages


@dataclass(frozen=True, slots=True)
class ConsolePage:
    """`mailbox`: whether there is one."""

    pages: Pages
    proposals: ProposalStore
    mailbox: bool = False

    async def show(
        self, request: Request, template: str, *, section: str, status: int = 200, **context: Any
    ) -> HTMLResponse:
        """`section`: which entry of the menu it belongs to. Every template also knows `staff`, `mailbox` and
        `waiting`, the number of proposals that wait for this person."""
        staff = staff_of(request)
        waiting = await self.proposals.waiting(not_of=staff.account_id) if staff.role == "approver" else 0
        return self.pages.show(
            request,
            template,
            status=status,
            staff=staff,
            section=section,
            waiting=waiting,
            mailbox=self.mailbox,
            **context,
        )
