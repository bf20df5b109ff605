"""`sealed crash-matrix`."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from deploy.faults.cells import Cell, kill_cell_named
from deploy.faults.matrix import Peace, run
from deploy.faults.other_cells import other_cells
from deploy.faults.report import written
from deploy.faults.row_log import RowLog, done
from deploy.faults.run_cell import Row
from deploy.local.kafka import brokers_wanted
from deploy.local.layout import ROOT, default_var

app = typer.Typer()
console = Console()
REPORT = ROOT / "docs" / "crash-matrix.md"


@app.command("crash-matrix")
def crash_matrix(
    cell: Annotated[str | None, typer.Option(help="Run this one cell, by its name in the report.")] = None,
    only: Annotated[str, typer.Option(help="Run the cells whose name holds this.")] = "",
    seed: Annotated[int, typer.Option(help="Of the order of the cells, and of the moments within each.")] = 1,
    lanes: Annotated[int, typer.Option(min=1, max=8, help="Stacks to run cells on at once.")] = 2,
    resume: Annotated[bool, typer.Option(help="Leave out what came out right in the run before.")] = False,
    var: Annotated[Path, typer.Option(envvar="SEALED_VAR", help="Where the stacks keep their files.")] = default_var(),  # noqa: B008
) -> None:
    """Kill every service at every step, and see that everything comes to the same end."""
    log, broker = RowLog(var / "crash-matrix" / "rows.jsonl"), _broker()
    if not (resume or cell or only):
        log.forget()

    def choose(peace: Peace) -> Sequence[Cell]:
        others = other_cells(brokers_wanted())
        if cell:
            return [found for found in others if found.name == cell] or [kill_cell_named(cell)]
        leave_out = done(log.last_of_each(), broker) if resume else set()
        return [c for c in (*others, *peace.kill_cells) if only in c.name and c.name not in leave_out]

    def told(row: Row) -> None:
        log.add(replace(row, broker=broker))
        _say(row)

    outcome = asyncio.run(run(var / "crash-matrix", choose, seed=seed, lanes=1 if cell else lanes, told=told))
    for wrong in outcome.wrong:
        console.print(f"[red]wrong[/] {wrong}", soft_wrap=True)
    if not cell:
        REPORT.write_text(written(log.last_of_each(), outcome.wrong))
        console.print(f"The report is in {REPORT}.")
    console.print(f"{len(outcome.rows)} cells, {sum(not row.wrong for row in outcome.rows)} without fault.")
    raise typer.Exit(0 if outcome.holds else 1)


def _broker() -> str:
    brokers = brokers_wanted()
    return f"Apache Kafka, {brokers} node{'s' * (brokers > 1)}" if brokers else "embedded"


def _say(row: Row) -> None:
    colour = "red" if row.wrong else "green" if row.struck else "yellow"
    console.print(f"[{colour}]{row.result:15}[/] {row.seconds:5.1f} s  {row.cell}", soft_wrap=True, highlight=False)
    for wrong in row.wrong:
        console.print(f"  {wrong}", soft_wrap=True, markup=False, highlight=False)
