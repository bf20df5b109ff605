"""`sealed sizing measure | estimate`: bytes and rates of this software, and what a number of people needs."""

import asyncio
import json
import shutil
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from deploy.local.layout import ROOT, default_var
from deploy.local.stack import local_stack
from deploy.sizing import measured as measurements
from deploy.sizing.arithmetic import Assumed, need
from deploy.sizing.measure import CACHE_SECONDS, Sizing
from deploy.sizing.measured import Measured
from deploy.sizing.page import needs_table, page
from deploy.soak.lag import measuring_lag
from shared.policy.load import load_policy
from shared.stores.mongo import connect

PAGE = ROOT / "docs" / "sizing.md"
app = typer.Typer(help="Bytes and rates, measured; what a number of people needs, inferred.", no_args_is_help=True)
console = Console()


@app.command("measure")
def measure_command(
    orders: Annotated[list[int], typer.Option(help="Orders in all at each sample, ascending.")] = [1_000, 2_000, 4_000],  # noqa: B006
    further: Annotated[int, typer.Option(help="Orders of people who are known.")] = 1_000,
    leaving: Annotated[int, typer.Option(help="People who withdraw.")] = 500,
    report: Annotated[bool, typer.Option(help="Write docs/sizing.json and docs/sizing.md anew.")] = False,
    var: Annotated[Path, typer.Option(envvar="SEALED_VAR", help="Where the stack keeps its files.")] = default_var(),  # noqa: B008
) -> None:
    """Place, deliver and withdraw on a stack of its own, on Apache Kafka, and see what grows by how much."""
    if sorted(set(orders)) != orders or len(orders) < 2 or further + leaving > orders[-1]:
        typer.echo(
            "Give two or more ascending numbers of orders, the last no fewer than further and leaving.", err=True
        )
        raise typer.Exit(2)
    folder = var / "sizing"
    shutil.rmtree(folder, ignore_errors=True)
    found = asyncio.run(_measure(folder, orders, further, leaving))
    target = measurements.FILE if report else folder / "sizing.json"
    target.write_text(found.model_dump_json(indent=1) + "\n")
    (PAGE if report else folder / "sizing.md").write_text(page(found, load_policy()))
    console.print(f"The figures are in {target}.")


@app.command("estimate")
def estimate_command(
    people: Annotated[int, typer.Option(min=1, help="Whose data are held.")],
    orders_a_year: Annotated[float, typer.Option(min=0, help="Of one person.")] = 4.0,
    peak: Annotated[float, typer.Option(min=1, help="The busiest second against the mean one.")] = 20.0,
    leave: Annotated[float, typer.Option(min=0, max=1, help="Share of the people who withdraw in a year.")] = 0.02,
    years: Annotated[float, typer.Option(min=0, help="For how long orders are kept.")] = 3.0,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for other programs.")] = False,
) -> None:
    """What so many people need, from the figures in docs/sizing.json."""
    assumed = Assumed(people, orders_a_year, peak, leave, years)
    needed = need(measurements.read(), load_policy(), assumed)
    if as_json:
        typer.echo(json.dumps(asdict(needed), indent=1))
    else:
        console.print("\n".join(needs_table([needed], [people])), markup=False, highlight=False)


async def _measure(folder: Path, orders: list[int], further: int, leaving: int) -> Measured:
    policy = load_policy()
    async with (
        local_stack(folder, kafka_brokers=1, key_cache_seconds=CACHE_SECONDS) as stack,
        measuring_lag(stack.info.kafka.address, policy) as lag,
    ):
        admin = connect(stack.info.mongodb.uri, service="sizing")
        try:
            return await Sizing(stack, admin, lag, policy, console.print).run(orders, further, leaving)
        finally:
            admin.close()
