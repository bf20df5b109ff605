"""Follow a withdrawal: a page that holds no personal data and needs no sign-in, for whoever has its link."""

from typing import Annotated

from fastapi import APIRouter, Path, Request
from fastapi.responses import Response

from services.intake.my_data.case_link_store import CaseLinkStore
from shared.pages.render import Pages

Token = Annotated[str, Path(max_length=100)]


class CasePages:
    def __init__(self, *, pages: Pages, links: CaseLinkStore) -> None:
        self._pages = pages
        self._links = links
        self.router = APIRouter(prefix="/case", include_in_schema=False)
        self.router.get("/{token}")(self.show)
        self.router.get("/{token}/state")(self.show_state)

    async def show(self, request: Request, token: Token) -> Response:
        return await self._page(request, token, "case.html")

    async def show_state(self, request: Request, token: Token) -> Response:
        """Part of the page, which asks for it again and again while the case moves."""
        return await self._page(request, token, "case_state.html")

    async def _page(self, request: Request, token: str, template: str) -> Response:
        case = await self._links.of(token)
        if case is None:
            return self._pages.show(request, "case_unknown.html", status=404)
        return self._pages.show(request, template, case=case, state_path=f"/case/{token}/state")
