"""What a person agrees to, in words: the consent text of a version, who may use which field for what, the notices."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response
from starlette.exceptions import HTTPException

from shared.pages.languages import LANGUAGES, language_of
from shared.pages.render import Pages
from shared.policy.model import Policy
from shared.policy.working_days import almaty_day


@dataclass(frozen=True, slots=True)
class Use:
    """A purpose, and who may use which fields for it: reader → field names."""

    clause: str
    legal_basis: str
    law: str
    readers: Mapping[str, tuple[str, ...]]


class PolicyPages:
    def __init__(self, *, pages: Pages, policy: Policy) -> None:
        self._pages = pages
        self._policy = policy
        self.router = APIRouter(prefix="/policy", include_in_schema=False)
        self.router.get("")(self.latest)
        self.router.get("/{version}/{language}")(self.show)

    async def latest(self, request: Request) -> Response:
        """The version in force, in the visitor's language."""
        version = self._policy.version_at(almaty_day(datetime.now(UTC))).version
        return RedirectResponse(f"/policy/{version}/{language_of(request)}", 303)

    async def show(self, request: Request, version: str, language: str) -> Response:
        """The text as it was agreed to in that language; the page around it is in the visitor's."""
        shown = next((item for item in self._policy.versions if item.version == version), None)
        text_language = next((known for known in LANGUAGES if known == language), None)
        if shown is None or text_language is None:
            raise HTTPException(404)
        return self._pages.show(
            request,
            "policy.html",
            version=shown,
            text_language=text_language,
            in_force=self._policy.version_at(almaty_day(datetime.now(UTC))),
            uses=uses_of(self._policy),
        )


def uses_of(policy: Policy) -> list[Use]:
    """Purposes personal data are used for, in the policy's order; none that nobody is granted a field for."""
    uses: list[Use] = []
    for clause, purpose in policy.purposes.items():
        readers = {
            reader: tuple(name for name in policy.fields if name in granted)
            for reader in policy.readers
            if (granted := policy.fields_for(reader, clause))
        }
        if readers:
            uses.append(Use(clause, purpose.legal_basis, purpose.law, readers))
    return uses
