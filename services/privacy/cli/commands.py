"""`sealed withdraw | cases | case | certificate | verify | ledger verify`. Every command takes --json."""

import json
import os
import time
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.live import Live

from services.privacy.cli.show import case_panel, cases_table, certificate_panel
from services.privacy.verify_certificate import failures
from shared.http.console import ServiceApi
from shared.stores.receipts import PublicKeys

app = typer.Typer()
ledger = typer.Typer(help="The hash-chained record of what was done.", no_args_is_help=True)
app.add_typer(ledger, name="ledger")
console = Console()

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for other programs.")]
WATCH_SECONDS = 0.3
DONE = ("closed",)


@app.command()
def withdraw(
    phone: Annotated[str | None, typer.Option(help="The person's phone.")] = None,
    email: Annotated[str | None, typer.Option(help="The person's e-mail address.")] = None,
    order: Annotated[str | None, typer.Option(help="An order of the person.")] = None,
    scope: Annotated[str, typer.Option(help="all | promotions")] = "all",
    channel: Annotated[str, typer.Option(help="How the request came: mailbox | officer | phone | letter")] = "officer",
    received_at: Annotated[
        str | None, typer.Option(help="When it came, ISO 8601 with offset. Now, if left out.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Open a withdrawal case. Find the person by exactly one of --phone, --email, --order."""
    find = {name: value for name, value in (("phone", phone), ("email", email), ("order_id", order)) if value}
    body: dict[str, Any] = {"find": find, "scope": scope, "channel": channel}
    if received_at:
        body["received_at"] = received_at
    case = _api().post("/v1/withdrawals", body)
    if as_json:
        _print_json(case)
    else:
        console.print(f"Case [bold]{case['case_id']}[/] · answer by [bold]{case['deadline']}[/]")
        if case["deadline_is_estimate"]:
            console.print(
                "[yellow]The official working days of that year are not entered yet: transferred days may move it.[/]"
            )
        console.print(f"Watch it: sealed case {case['case_id']} --watch", style="dim")


@app.command()
def cases(
    state: Annotated[str | None, typer.Option(help="Only cases in this state.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=200)] = 50,
    as_json: AsJson = False,
) -> None:
    """List cases, the nearest deadline first."""
    found = _api().get("/v1/cases", state=state, limit=limit)
    if as_json:
        _print_json(found)
    else:
        console.print(cases_table(found["cases"]))


@app.command()
def case(
    case_id: str,
    watch: Annotated[bool, typer.Option("--watch", help="Follow it until it is closed.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show one case: state, receipts per store, deferrals with their reason, timeline."""
    api = _api()
    shown = api.get(f"/v1/cases/{case_id}")
    if as_json:
        _print_json(shown)
        return
    with Live(case_panel(shown), console=console, refresh_per_second=8) as live:
        while watch and shown["state"] not in DONE:
            time.sleep(WATCH_SECONDS)
            shown = api.get(f"/v1/cases/{case_id}")
            live.update(case_panel(shown))


@app.command()
def certificate(
    case_id: str,
    second: Annotated[
        bool, typer.Option("--second", help="The later one: no copy is left that anybody could read.")
    ] = False,
    out: Annotated[Path | None, typer.Option(help="Write it here instead of printing it.")] = None,
    as_json: AsJson = False,
) -> None:
    """Fetch the signed certificate of a closed case (JSON)."""
    issued = _api().get(f"/v1/cases/{case_id}/{'second-' if second else ''}certificate")
    text = json.dumps(issued, ensure_ascii=False, indent=1)
    if out is None:
        typer.echo(text)
        return
    out.write_text(text + "\n")
    if as_json:
        _print_json({"case_id": case_id, "file": str(out)})
    else:
        console.print(f"Written to {out}. Verify it: sealed verify {out}")


@app.command()
def verify(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False)],
    keys: Annotated[
        Path | None, typer.Option(help="Folder of public keys (JWK). The local stack's, if left out.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Verify a certificate offline, with the public keys alone."""
    keys = keys or Path(os.environ.get("SEALED_VAR", "var")) / "keys" / "public"
    if not any(keys.glob("*.json")):
        typer.secho(f"No public key in {keys}. Give the folder that came with the certificate: --keys.", err=True)
        raise typer.Exit(2)
    try:
        issued = json.loads(file.read_text())
        wrong = failures(issued, PublicKeys.from_folder(keys))
    except (ValueError, AttributeError):
        issued, wrong = {}, ["The file is not a JSON certificate."]
    if as_json:
        _print_json({"holds": not wrong, "failures": wrong})
    else:
        console.print(certificate_panel(issued, wrong))
    raise typer.Exit(1 if wrong else 0)


@ledger.command("verify")
def verify_ledger(as_json: AsJson = False) -> None:
    """Recompute the whole chain."""
    result = _api().get("/v1/ledger/verification")
    if as_json:
        _print_json(result)
    else:
        console.print(f"The ledger holds: {result['sequence']} entries, head {result['hash'][:16]}…")


def _api() -> ServiceApi:
    return ServiceApi("privacy", role="officer")


def _print_json(value: Any) -> None:
    typer.echo(json.dumps(value, ensure_ascii=False, indent=1))
