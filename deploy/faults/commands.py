"""`sealed crash-matrix`."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from deploy.faults.cells import Cell, kill_cell_named
from deploy.faults.matrix import Outcome, Peace, run
from deploy.faults.other_cells import other_cells
from deploy.faults.report import written
from deploy.faults.run_cell import Row
from deploy.local.layout import ROOT, default_var

app = typer.Typer()
console = Console()
REPORT = ROOT / "docs" / "crash-matrix.md"


@app.command("crash-matrix")
def crash_matrix(
    cell: Annotated[str | None, typer.Option(help="Run this one cell, by its name in the report.")] = None,
    only: Annotated[str, typer.Option(help="Run the cells whose name holds this.")] = "",
    seed: Annotated[int, typer.Option(help="Of the order of the cells, and of the moments within each.")] = 1,
    lanes: Annotated[int, typer.Option(min=1, max=8, help="Stacks to run cells on at once.")] = 3,
    var: Annotated[Path, typer.Option(envvar="SEALED_VAR", help="Where the stacks keep their files.")] = default_var(),  # noqa: B008
) -> None:
    """Kill every service at every step, and see that everything comes to the same end."""

    def choose(peace: Peace) -> Sequence[Cell]:
        others = other_cells()
        if cell:
            return [found for found in others if found.name == cell] or [kill_cell_named(cell)]
        return [found for found in (*others, *peace.kill_cells) if only in found.name]

    outcome = asyncio.run(run(var / "crash-matrix", choose, seed=seed, lanes=1 if cell else lanes, told=_say))
    for wrong in outcome.wrong:
        console.print(f"[red]wrong[/] {wrong}", soft_wrap=True)
    if not cell and not only:
        REPORT.write_text(written(outcome, seed=seed, broker="embedded broker"))
        console.print(f"The report is in {REPORT}.")
    _end(outcome)


def _say(row: Row) -> None:
    colour = "red" if row.wrong else "green" if row.struck else "yellow"
    console.print(f"[{colour}]{row.result:15}[/] {row.seconds:5.1f} s  {row.cell}", soft_wrap=True, highlight=False)
    for wrong in row.wrong:
        console.print(f"  {wrong}", soft_wrap=True, markup=False, highlight=False)


def _end(outcome: Outcome) -> None:
    console.print(f"{len(outcome.rows)} cells, {sum(not row.wrong for row in outcome.rows)} without fault.")
    raise typer.Exit(0 if outcome.holds else 1)
