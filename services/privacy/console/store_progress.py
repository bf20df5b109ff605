"""How far each store is with a case, counted from its receipts. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from services.privacy.answer_store import Answer
from services.privacy.case import Case


@dataclass(frozen=True, slots=True)
class StoreProgress:
    """`round`: of its newest receipt, 0 before the first. Counts: `erased` of all rounds, the others of that one."""

    store: str
    stopped_at: datetime | None
    round: int
    erased: int
    waits: int
    kept: int
    left: int
    answered: bool


def progress_of(case: Case, answers: Sequence[Answer], stores: Sequence[str]) -> list[StoreProgress]:
    """`answers`: those of the step under way, which the case itself gets when all are in."""
    stopped = {answer.store: answer.body["at"] for answer in answers if answer.round == 0} | case.restricted
    receipts: dict[int, dict[str, Mapping[str, Any]]] = {
        int(number): dict(of_stores) for number, of_stores in case.receipts.items()
    }
    for answer in answers:
        if answer.round:
            receipts.setdefault(answer.round, {})[answer.store] = answer.body
    return [_progress(case, store, stopped.get(store), receipts) for store in stores]


def _progress(
    case: Case, store: str, stopped_at: datetime | None, receipts: Mapping[int, Mapping[str, Mapping[str, Any]]]
) -> StoreProgress:
    own = {number: of_stores[store] for number, of_stores in receipts.items() if store in of_stores}
    newest = max(own, default=0)
    return StoreProgress(
        store=store,
        stopped_at=stopped_at,
        round=newest,
        erased=sum(_sum(receipt, "destroyed") + _sum(receipt, "depersonalised") for receipt in own.values()),
        waits=_sum(own.get(newest), "deferred"),
        kept=_sum(own.get(newest), "kept"),
        left=_sum(own.get(newest), "residual"),
        answered=stopped_at is not None if case.round == 0 else newest >= case.round,
    )


def _sum(receipt: Mapping[str, Any] | None, kind: str) -> int:
    return sum(count[kind] for count in receipt["collections"].values()) if receipt else 0
