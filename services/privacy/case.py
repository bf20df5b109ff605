"""A withdrawal case: what is known of it. No driver, no clock, no wire; `case_steps.py` says how it goes on."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from services.privacy.case_facts import Contact

State = Literal["restricting", "erasing", "deferred", "second_pass_due", "verifying", "closing", "closed"]
Scope = Literal["all", "promotions"]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class Deferral(_Frozen):
    """An open order that the controller must still fulfil (Law 94-V art. 8(2))."""

    order_id: str
    since: datetime
    settled_at: datetime | None = None
    settled_by: str | None = None


class TimelineEntry(_Frozen):
    at: datetime
    what: str
    detail: dict[str, Any] = Field(default_factory=dict)


class Case(_Frozen):
    """restricted: store → when it stopped. spared: the open orders whose records the current round lets wait.
    receipts: round → store → signed receipt. recipients: disclosure → the recipient's answer. letters: kind →
    outcome. keys_destroyed: reader → when. commanded_at: when the stores were last asked. withdrawals: those
    from the pages that this case answers, and that are followed there. traceparent: of what opened it."""

    case_id: str
    subject_id: str
    scope: Scope
    channel: str
    received_at: datetime
    deadline: date
    withdrawals: tuple[str, ...] = ()
    state: State = "restricting"
    round: int = 0
    spared: tuple[str, ...] = ()
    restricted: dict[str, datetime] = Field(default_factory=dict)
    deferrals: tuple[Deferral, ...] = ()
    settled_orders: dict[str, str] = Field(default_factory=dict)
    receipts: dict[str, dict[str, dict[str, Any]]] = Field(default_factory=dict)
    disclosures: tuple[str, ...] = ()
    recipients: dict[str, dict[str, Any]] = Field(default_factory=dict)
    contact: Contact | None = None
    letters: dict[str, str] = Field(default_factory=dict)
    keys_destroyed: dict[str, datetime] = Field(default_factory=dict)
    due_at: datetime | None = None
    commanded_at: datetime | None = None
    closed_at: datetime | None = None
    timeline: tuple[TimelineEntry, ...] = ()
    traceparent: str | None = None

    @property
    def open_orders(self) -> tuple[str, ...]:
        return tuple(deferral.order_id for deferral in self.deferrals if deferral.settled_at is None)

    def covers(self, wanted: "Case") -> bool:
        """Whether the other need not be opened beside this one. A closed case still covers what came in before it
        closed, so that a withdrawal which was merged into it can be read again; one who was erased has nothing left."""
        if self.case_id == wanted.case_id:
            return True
        if self.scope not in (wanted.scope, "all"):
            return False
        return self.closed_at is None or self.scope == "all" or wanted.received_at <= self.closed_at

    def answering(self, wanted: "Case") -> "Case":
        """This case, as one that answers the other's withdrawals too; the same object where it does already."""
        more = tuple(withdrawal for withdrawal in wanted.withdrawals if withdrawal not in self.withdrawals)
        return self.model_copy(update={"withdrawals": self.withdrawals + more}) if more else self

    def receipts_of(self, round_: int) -> Mapping[str, dict[str, Any]]:
        return self.receipts.get(str(round_), {})
