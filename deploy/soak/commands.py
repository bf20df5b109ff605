"""`sealed soak`."""

import asyncio
import logging
import shutil
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from deploy.local.layout import ROOT, default_var
from deploy.soak.report import written
from deploy.soak.soak import SHARE_OF_CAPACITY, Plan, soak

app = typer.Typer()
console = Console()
REPORT = ROOT / "docs" / "soak.md"


@app.command("soak")
def soak_command(
    minutes: Annotated[float, typer.Option(help="Of steady load.")] = 30,
    every: Annotated[float, typer.Option(help="Seconds from one fault to the next.")] = 60,
    measuring: Annotated[float, typer.Option(help="Seconds of full load, to know the capacity.")] = 30,
    share: Annotated[
        float, typer.Option(help="Of the capacity, as load: less where others use the machine.")
    ] = SHARE_OF_CAPACITY,
    brokers: Annotated[int, typer.Option(envvar="SEALED_KAFKA_BROKERS", help="Of Apache Kafka: 1 or 3.")] = 1,
    seed: Annotated[int, typer.Option(help="Of the order of the faults.")] = 1,
    report: Annotated[bool, typer.Option(help="Write docs/soak.md anew.")] = False,
    var: Annotated[Path, typer.Option(envvar="SEALED_VAR", help="Where the stack keeps its files.")] = default_var(),  # noqa: B008
) -> None:
    """Steady load at a share of the measured capacity, a fault every minute; then every order is accounted for."""
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # of brokers that are down it says so again and again
    folder = var / "soak"
    shutil.rmtree(folder, ignore_errors=True)
    plan = Plan(minutes * 60, every, measuring, brokers or 1, seed, share)
    soaked = asyncio.run(soak(folder, plan, console.print))
    text = written(soaked)
    console.print(text, markup=False, highlight=False)
    if report:
        REPORT.write_text(text)
        console.print(f"The report is in {REPORT}.")
    for wrong in soaked.wrong:
        console.print(f"[red]wrong[/] {wrong}")
    raise typer.Exit(1 if soaked.wrong else 0)
