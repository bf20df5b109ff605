"""Topic `cases`: how far a withdrawal has come, for the page on which its person follows it."""

from datetime import date, datetime
from typing import Literal

from pydantic import NonNegativeInt

from shared.contracts.event import Event, RecordId

CaseState = Literal["restricting", "erasing", "deferred", "second_pass_due", "verifying", "closing", "closed"]


class CaseMoved(Event):
    """A case that somebody follows came to another state, or to another number of open orders. Ids, states and days.

    withdrawals: those from the pages that this case answers, by the ids of their events. step: grows with all
    that happens to the case; of two events about it the one with the smaller step is the older."""

    TOPIC = "cases"
    PUBLISHERS = ("privacy",)

    case_id: RecordId
    withdrawals: tuple[RecordId, ...]
    step: NonNegativeInt
    state: CaseState
    received_at: datetime
    deadline: date
    open_orders: NonNegativeInt
    moved_at: datetime
