"""The policy as it is run: who may see what for what, periods, recipients, versions, and what changed when."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Final

from fastapi import APIRouter, Path, Request
from fastapi.responses import HTMLResponse

from services.privacy.console.console_page import ConsolePage
from services.privacy.console.doors import HOME, Doors
from services.privacy.console.policy_record_store import InForce, PolicyRecordStore
from services.privacy.console.policy_rows import changes, passages
from services.privacy.console.roles import EVERYBODY
from shared.http.problems import Problem
from shared.messaging.worker import Clock
from shared.policy.matrix import matrix
from shared.policy.model import Policy
from shared.policy.rows import PolicyVersion
from shared.policy.working_days import ALMATY

MOST: Final = 100_000
Number = Annotated[int, Path(ge=1, le=MOST)]
Version = Annotated[str, Path(max_length=40)]


@dataclass(frozen=True, slots=True)
class Since:
    """A policy on record, and how many rows it changed."""

    policy: InForce
    changed: int


class PolicyRegisterPages:
    def __init__(
        self, policies: PolicyRecordStore, policy: Policy, page: ConsolePage, doors: Doors, clock: Clock
    ) -> None:
        self._policies = policies
        self._policy = policy
        self._page = page
        self._clock = clock
        self.router = APIRouter(
            prefix=f"{HOME}/policy", include_in_schema=False, dependencies=[doors.open_to(*EVERYBODY)]
        )
        self.router.get("")(self.show)
        self.router.get("/versions/{version}")(self.show_version)
        self.router.get("/changes/{number}")(self.show_changes)

    async def show(self, request: Request) -> HTMLResponse:
        day = (await self._clock()).astimezone(ALMATY).date()
        return await self._page.show(
            request,
            "policy.html",
            section="policy",
            current=self._policy.version_at(day),
            cells=_cells(self._policy),
            versions=_newest_first(self._policy),
            record=[*reversed(_since(await self._policies.all()))],
        )

    async def show_version(self, request: Request, version: Version) -> HTMLResponse:
        """What people were asked to agree to, and how it differs from the version before."""
        versions = _newest_first(self._policy)
        number = next((n for n, found in enumerate(versions) if found.version == version), None)
        if number is None:
            raise Problem(404, "No such version", "The register lists the published versions.")
        before = versions[number + 1] if number + 1 < len(versions) else None
        shown = versions[number]
        texts = {
            code: passages(before.consent_text.get(code, "") if before else text, text)
            for code, text in shown.consent_text.items()
        }
        return await self._page.show(
            request, "policy_version.html", section="policy", shown=shown, before=before, texts=texts
        )

    async def show_changes(self, request: Request, number: Number) -> HTMLResponse:
        """What the policy of this number changed in the one the service ran under before."""
        known = {policy.number: policy for policy in await self._policies.all()}
        if number not in known or number - 1 not in known:
            raise Problem(404, "No such change", "The register lists the policies that followed another.")
        before, after = known[number - 1], known[number]
        return await self._page.show(
            request,
            "policy_changes.html",
            section="policy",
            before=before,
            after=after,
            changes=changes(before.rows, after.rows),
        )


def _cells(policy: Policy) -> Mapping[tuple[str, str], list[str]]:
    """(field, reader) → the purposes it may be opened for: the rows that `sealed policy matrix` prints."""
    cells: dict[tuple[str, str], list[str]] = {}
    for row in matrix(policy):
        if row.allowed:
            cells.setdefault((row.field, row.reader), []).append(row.purpose)
    return cells


def _newest_first(policy: Policy) -> list[PolicyVersion]:
    return sorted(policy.versions, key=lambda version: version.effective_from, reverse=True)


def _since(policies: list[InForce]) -> list[Since]:
    before: list[InForce | None] = [None, *policies]
    return [
        Since(policy, len(changes(earlier.rows, policy.rows)) if earlier else 0)
        for earlier, policy in zip(before, policies, strict=False)
    ]
