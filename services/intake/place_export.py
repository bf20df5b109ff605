"""Place the orders of a shop's export, line by line: a bad line is refused by itself and never stops the rest."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from pydantic import ValidationError

from services.intake.json_lines import Line, lines
from services.intake.order import KeyReused, Placed, Wanted
from services.intake.order_desk import OrderDesk
from services.intake.order_groups import OrderGroups
from shared.http.problems import field_errors

MAX_LINES = 10_000
AT_ONCE = 100
WHOLE = "(whole line)"

Errors = list[dict[str, str]]


@dataclass(slots=True)
class ExportOutcome:
    accepted: list[dict[str, Any]] = field(default_factory=list)
    refused: list[dict[str, Any]] = field(default_factory=list)

    def refuse(self, line: int, errors: Errors) -> None:
        self.refused.append({"line": line, "errors": errors})


class ExportPlacing:
    def __init__(self, desk: OrderDesk, groups: OrderGroups, *, longest_line: int) -> None:
        self._desk = desk
        self._groups = groups
        self._longest_line = longest_line

    async def place(self, chunks: AsyncIterator[bytes], idempotency_key: str | None) -> ExportOutcome:
        """Every line accepted and durable, or refused with its reasons. Under an idempotency key each line has its
        own, so that an export sent again places nothing twice and has the same answer."""
        outcome = ExportOutcome()
        group: list[tuple[int, Wanted]] = []
        async for line in lines(chunks, longest=self._longest_line):
            if line.number > MAX_LINES:
                rule = f"one request may hold {MAX_LINES} lines: send this line and those after it in another"
                outcome.refuse(line.number, [{"field": WHOLE, "rule": rule}])
                break
            if wanted := self._take(line, idempotency_key, outcome):
                group.append((line.number, wanted))
            if len(group) == AT_ONCE:
                await self._place(group, outcome)
                group = []
        if group:
            await self._place(group, outcome)
        outcome.refused.sort(key=lambda refusal: refusal["line"])
        return outcome

    def _take(self, line: Line, idempotency_key: str | None, outcome: ExportOutcome) -> Wanted | None:
        if line.text is None:
            rule = f"may be {self._longest_line} bytes long: an order has at most 100 items"
            outcome.refuse(line.number, [{"field": WHOLE, "rule": rule}])
            return None
        key = None if idempotency_key is None else f"{idempotency_key}\0{line.number}"
        try:
            return self._desk.take(line.text, key, datetime.now(UTC))
        except ValidationError as invalid:
            errors = invalid.errors(include_input=False, include_url=False, include_context=False)
            outcome.refuse(line.number, field_errors(errors, whole=WHOLE))
            return None

    async def _place(self, group: list[tuple[int, Wanted]], outcome: ExportOutcome) -> None:
        placed = await self._groups.place_all([wanted for _, wanted in group])
        for (line, _), result in zip(group, placed, strict=True):
            match result:
                case Placed(order_id, subject_id):
                    outcome.accepted.append({"line": line, "order_id": order_id, "subject_id": subject_id})
                case KeyReused():
                    rule = "another line was sent under this key: use a new key for a changed export"
                    outcome.refuse(line, [{"field": "Idempotency-Key", "rule": rule}])
                case _:
                    rule = "could not be stored just now: send this line again, under the same Idempotency-Key"
                    outcome.refuse(line, [{"field": WHOLE, "rule": rule}])
