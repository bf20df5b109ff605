"""What those who follow their case on the pages are told of it: ids, states and days. No driver, nothing is sent here.

A case is followed where the withdrawal came in on the pages, which gave out a link to it; of every other one nobody
outside this service needs to know."""

from collections.abc import Iterable
from datetime import datetime
from typing import Final

from services.privacy.case import Case, Scope
from shared.contracts.cases import CaseMoved
from shared.messaging.cloudevents import Outgoing, new_id

PAGES: Final = "web"  # the channel of a withdrawal from the pages


def followed(channel: str, scope: Scope, withdrawal_id: str) -> tuple[str, ...]:
    """The withdrawals that a case opened by this one answers: promotions switched off have no page to follow."""
    return (withdrawal_id,) if channel == PAGES and scope == "all" else ()


def progress_of(steps: Iterable[tuple[Case | None, Case]], now: datetime) -> list[Outgoing]:
    """An event for each case that is followed and shows differently than before."""
    return [
        Outgoing(_moved(after, now), new_id(), now)
        for before, after in steps
        if after.withdrawals and (before is None or _shown(before) != _shown(after))
    ]


def _shown(case: Case) -> tuple[object, ...]:
    return case.state, len(case.open_orders), case.withdrawals


def _moved(case: Case, now: datetime) -> CaseMoved:
    return CaseMoved(
        subject_id=case.subject_id,
        case_id=case.case_id,
        withdrawals=case.withdrawals,
        step=len(case.timeline),
        state=case.state,
        received_at=case.received_at,
        deadline=case.deadline,
        open_orders=len(case.open_orders),
        moved_at=now,
    )
