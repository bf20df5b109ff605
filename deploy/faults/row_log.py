"""Rows as they come, in a file: a run that is broken off is taken up where it was, and the report can wait."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from deploy.faults.run_cell import Row


@dataclass(frozen=True, slots=True)
class RowLog:
    path: Path

    def add(self, row: Row) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("a") as file:
            file.write(json.dumps(asdict(row)) + "\n")

    def last_of_each(self) -> list[Row]:
        """Of each cell and broker the row that came last."""
        lines = self.path.read_text().splitlines() if self.path.exists() else []
        rows = [Row(**{**fields, "wrong": tuple(fields["wrong"])}) for fields in map(json.loads, lines)]
        return list({(row.cell, row.broker): row for row in rows}.values())

    def forget(self) -> None:
        self.path.unlink(missing_ok=True)


def done(rows: Iterable[Row], broker: str) -> set[str]:
    """Names of the cells that have come out right on this broker."""
    return {row.cell for row in rows if row.broker == broker and row.struck and not row.wrong}
