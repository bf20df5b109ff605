"""`sealed policy matrix` and `sealed policy drift`."""

import asyncio
import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from deploy.local.layout import Layout, default_var
from deploy.local.stack_info import read_stack
from shared.policy.load import load_policy
from shared.policy.matrix import matrix as policy_matrix
from shared.policy.model import Policy
from shared.stores.mongo import connect
from shared.stores.sample import SAMPLE, sample

app = typer.Typer(help="The policy file: who may see what, and whether the stores agree.", no_args_is_help=True)
console = Console()

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for other programs.")]


@app.command()
def matrix(as_json: AsJson = False) -> None:
    """Print field x reader x purpose: which reader may open which field for what."""
    policy = load_policy()
    rows = [row for row in policy_matrix(policy) if row.allowed]
    if as_json:
        allowed = [{"field": r.field, "clause": r.clause, "reader": r.reader, "purpose": r.purpose} for r in rows]
        typer.echo(json.dumps(allowed, ensure_ascii=False, indent=1))
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("Clause", style="dim")
    table.add_column("Field", no_wrap=True, min_width=17)
    for reader in policy.readers:
        table.add_column(reader)
    for name, field in policy.fields.items():
        cells = [", ".join(row.purpose for row in rows if (row.field, row.reader) == (name, r)) for r in policy.readers]
        table.add_row(field.clause, name, *(cell or "[dim]–[/]" for cell in cells))
    console.print(table)
    console.print("\nA cell names the purposes (clauses of section 3) the reader may open the field for.", style="dim")
    for clause, purpose in policy.purposes.items():
        console.print(f"[dim]{clause}[/]  {purpose.title}")


@app.command()
def drift(
    var: Annotated[Path, typer.Option(envvar="SEALED_VAR", help="Where the running stack is.")] = default_var(),  # noqa: B008
    as_json: AsJson = False,
) -> None:
    """Sample live documents for fields the policy does not know. Exit code 1 where there are any."""
    uri = read_stack(Layout.at(var).stack_json).mongodb.uri
    found = asyncio.run(_drift(uri, load_policy()))
    if as_json:
        typer.echo(json.dumps(found, ensure_ascii=False, indent=1))
    elif not found:
        console.print(f"No drift: the newest {SAMPLE} documents of every collection hold known fields only.")
    for place, fields in ({} if as_json else found).items():
        console.print(f"[yellow]{place}[/] has fields without a row: {', '.join(fields)}. Map them in the policy file.")
    raise typer.Exit(1 if found else 0)


async def _drift(uri: str, policy: Policy) -> dict[str, dict[str, int]]:
    """`store.collection` → unknown field → in how many of the sampled documents. Names only."""
    client = connect(uri, service="drift")
    found = {
        f"{store}.{name}": sampled.unknown
        for store in policy.stores
        for name, sampled in (await sample(client[store], policy, store)).items()
        if sampled.unknown
    }
    client.close()
    return found
