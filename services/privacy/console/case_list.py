"""The list of cases: overdue first, with working days left and each store's state at a glance."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse

from services.privacy.answer_store import AnswerStore
from services.privacy.case import Case
from services.privacy.case_store import CaseStore
from services.privacy.console.console_page import ConsolePage
from services.privacy.console.doors import HOME, Doors
from services.privacy.console.roles import EVERYBODY
from shared.messaging.worker import Clock
from shared.policy.working_days import ALMATY, is_estimate, working_days_left

PAGE_SIZE: Final = 20
FURTHEST: Final = 10_000
View = Literal["open", "overdue", "deferred", "closed", "expired", "all"]
VIEWS: Final[tuple[View, ...]] = ("open", "overdue", "deferred", "closed", "expired", "all")
BY_RETENTION: Final = "expired"  # the channel of cases that a period opened, and no person

Mark = Literal["done", "waits", "kept_for_order"]


@dataclass(frozen=True, slots=True)
class Row:
    """`stores`: store → how far it is with the step under way."""

    case: Case
    days_left: int | None
    is_estimate: bool
    stores: Mapping[str, Mark]


def row_of(
    case: Case, answered: Collection[str], stores: Sequence[str], deferring: Sequence[str], now: datetime
) -> Row:
    """`answered`: stores whose answers to the step under way are in and not in the case yet."""
    have = {*answered, *(case.restricted if case.round == 0 else case.receipts_of(case.round))}

    def mark(store: str) -> Mark:
        if store not in have and case.state != "closed":
            return "waits"
        return "kept_for_order" if case.open_orders and store in deferring else "done"

    return Row(case, days_left_of(case, now), is_estimate(case.deadline), {store: mark(store) for store in stores})


def days_left_of(case: Case, now: datetime) -> int | None:
    """Working days left, negative once it is overdue; None where it is closed."""
    return None if case.state == "closed" else working_days_left(case.deadline, now)


def query_of(view: View, now: datetime) -> dict[str, Any]:
    """What of the cases each view shows, for MongoDB. Cases a retention period opened are in a view of their own."""
    people_s: dict[str, Any] = {"channel": {"$ne": BY_RETENTION}}
    today = now.astimezone(ALMATY).date().isoformat()
    match view:
        case "open":
            return {**people_s, "state": {"$ne": "closed"}}
        case "overdue":
            return {**people_s, "state": {"$ne": "closed"}, "deadline": {"$lt": today}}
        case "deferred":
            return {**people_s, "state": "deferred"}
        case "closed":
            return {**people_s, "state": "closed"}
        case "expired":
            return {"channel": BY_RETENTION}
        case "all":
            return {}


class CaseList:
    """`stores`: whose answers every case waits for; `deferring`: those that keep records for open orders."""

    def __init__(
        self,
        cases: CaseStore,
        answers: AnswerStore,
        page: ConsolePage,
        doors: Doors,
        clock: Clock,
        *,
        stores: Sequence[str],
        deferring: Sequence[str],
    ) -> None:
        self._cases = cases
        self._answers = answers
        self._page = page
        self._clock = clock
        self._stores = stores
        self._deferring = deferring
        self.router = APIRouter(
            prefix=f"{HOME}/cases", include_in_schema=False, dependencies=[doors.open_to(*EVERYBODY)]
        )
        self.router.get("")(self.show)

    async def show(
        self, request: Request, view: View = "open", page: Annotated[int, Query(ge=1, le=FURTHEST)] = 1
    ) -> HTMLResponse:
        now = await self._clock()
        query = query_of(view, now)
        total = await self._cases.count(query)
        rows = await self.rows(query, now, skip=(page - 1) * PAGE_SIZE)
        return await self._page.show(
            request, "cases.html", section="cases", rows=rows, view=view, views=VIEWS, number=page, total=total,
            last=max(1, -(-total // PAGE_SIZE)),
        )  # fmt: skip

    async def rows(
        self, query: Mapping[str, Any], now: datetime, *, skip: int = 0, limit: int = PAGE_SIZE
    ) -> list[Row]:
        cases = await self._cases.matching(query, limit=limit, skip=skip)
        answered = await self._answers.stores_of([case.case_id for case in cases if case.state != "closed"])
        return [
            row_of(case, answered.get((case.case_id, case.round), ()), self._stores, self._deferring, now)
            for case in cases
        ]
