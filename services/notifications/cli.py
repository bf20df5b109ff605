"""`sealed campaign`: send a promotion to whoever has a live consent to promotions (clause 3.2.8)."""

import json
from pathlib import Path
from typing import Annotated

import typer

from shared.http.console import ServiceApi

app = typer.Typer()


@app.command()
def campaign(
    campaign_id: Annotated[str, typer.Argument(help="Lower-case letters, digits and hyphens; yours to choose.")],
    texts: Annotated[
        Path, typer.Argument(exists=True, dir_okay=False, help='JSON: {"kk": {"subject", "body"}, "ru": …, "en": …}')
    ],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for other programs.")] = False,
) -> None:
    """Send a promotion; whoever has not chosen promotions is refused it. May be repeated: nobody gets it twice."""
    try:
        body = {"campaign_id": campaign_id, "texts": json.loads(texts.read_text())}
    except ValueError:
        typer.echo("The texts are not JSON. Give a file with the three languages.", err=True)
        raise typer.Exit(2) from None
    sent = ServiceApi("notifications", role="operator").post("/v1/campaigns", body)
    if as_json:
        typer.echo(json.dumps(sent, indent=1))
    else:
        typer.echo(f"{sent['queued']} messages are on their way; {sent['refused']} people have not chosen promotions.")
