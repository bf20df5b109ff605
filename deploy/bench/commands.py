"""`sealed bench`: all benchmarks in one run, as a table and as var/bench/report.json."""

import asyncio
import json
import os
import platform
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from deploy.bench import erasure, intake, latency, pipeline, publishing, scaling, sealing, traced_pipeline
from deploy.bench.measure import Measured
from deploy.bench.orders import Bench
from deploy.local.layout import Layout, default_var
from deploy.local.stack import local_stack
from shared.observability.logging import configure_logging
from shared.policy.load import load_policy
from shared.stores.mongo import connect

app = typer.Typer()
console = Console()
KEY_CACHE_SECONDS = 1.0  # the least that a service takes


@app.command()
def bench(
    var: Annotated[
        Path, typer.Option(envvar="SEALED_VAR", help="Where to work and to put the report.")
    ] = default_var(),  # noqa: B008
    only: Annotated[str, typer.Option(help="Letters of the parts to run.")] = "abcdefg",
) -> None:
    """Measure both sides of each comparison in one run and print the ratios."""
    layout = Layout.at(var / "bench")
    measured = asyncio.run(_run(layout, only))
    console.print(_table(measured))
    for row in measured:
        if row.note:
            console.print(f"[dim]{row.name}: {row.note}[/]")
    report = {row.name: row.row() for row in measured}
    (layout.var / "report.json").write_text(json.dumps(report, indent=1) + "\n")
    console.print(f"\n{os.cpu_count()} cores, {platform.machine()}, {datetime.now(UTC):%Y-%m-%d}")
    console.print(f"The report is in {layout.var}/report.json.")


async def _run(layout: Layout, only: str) -> list[Measured]:
    measured: list[Measured] = []
    layout.var.mkdir(parents=True, exist_ok=True)
    policy = load_policy()
    if set(only) & set("abeg"):
        async with local_stack(layout.var / "parts", services=()) as stack:
            configure_logging("bench", stream=(layout.var / "bench.log").open("w"))
            client = connect(stack.info.mongodb.uri, service="bench")
            people = Bench(client, stack.info.mongodb.uri, stack.info.kafka.address, stack.layout.keys, policy, [])
            if "b" in only:
                measured.append(await sealing.measure(stack.info.mongodb.uri, layout.var / "keys"))
            if "a" in only:
                await people.add_people(pipeline.MESSAGES)
                measured += await pipeline.measure(people)
                await people.add_people(pipeline.MESSAGES)
                measured += await traced_pipeline.measure(people)
            if set(only) & set("eg"):
                await people.add_people(scaling.MESSAGES)
            if "e" in only:
                measured += await publishing.measure(people)
            if "g" in only:
                measured += await scaling.measure(people)
    if "c" in only:
        async with local_stack(layout.var / "whole", key_cache_seconds=KEY_CACHE_SECONDS) as stack:
            client = connect(stack.info.mongodb.uri, service="bench")
            people = Bench(client, stack.info.mongodb.uri, stack.info.kafka.address, stack.layout.keys, policy, [])
            measured += await erasure.measure(people, KEY_CACHE_SECONDS)
    if "f" in only:
        async with local_stack(layout.var / "two", services=("intake", "delivery"), outside=False) as stack:
            measured += await latency.measure(stack, policy.version_at(datetime.now(UTC).date()).version)
    if "d" in only:
        async with local_stack(layout.var / "intake", services=("intake",), outside=False) as stack:
            version = policy.version_at(datetime.now(UTC).date()).version
            url, token = stack.info.services["intake"].url, stack.info.tokens.shop
            measured.append(await intake.measure(url, token, version, stack.info.mongodb.uri, layout.var))
    return sorted(measured, key=lambda row: row.name)


def _table(measured: list[Measured]) -> Table:
    table = Table(pad_edge=False, header_style="bold")
    table.add_column("Comparison", ratio=1)
    for column in ("Ours", "Theirs", "Ratio", "Aim"):
        table.add_column(column, justify="right", no_wrap=True)
    for row in measured:
        bound = "≤" if row.at_most else "≥"
        aim = "" if row.aim is None else f"{bound} {row.aim:g}{' ' + row.unit if row.of_ours else ''}"
        style = "green" if row.met else "yellow"
        figures = (f"{figure:,.0f}" if figure >= 10 else f"{figure:.2f}" for figure in (row.ours, row.theirs))
        table.add_row(f"{row.name} ({row.unit})", *figures, f"[{style}]{row.ratio:.2f}[/]", aim)
    return table
