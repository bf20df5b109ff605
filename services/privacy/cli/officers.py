"""`sealed officer add | list | reset | disable | enable | code`: accounts of the console, by an administrator.

Where: MONGODB_URI (the privacy service's user) and SEALED_KEYS_DIR (its key folder), or the local stack under
SEALED_VAR.
"""

import asyncio
import json
import os
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, NoReturn, TypeVar

import typer
from rich.console import Console
from rich.table import Table

from services.privacy.console.account_store import Account, AccountStore, NameTaken
from services.privacy.console.accounts import Accounts, Given, NoSuchAccount, NotUsable
from services.privacy.console.one_time_code import OneTimeSecrets, SecretUnreadable
from services.privacy.console.passwords import Passwords
from services.privacy.console.roles import ROLES, Role
from shared.stores.mongo import connect

app = typer.Typer(help="Accounts of the privacy officer's console.", no_args_is_help=True)
console = Console()
T = TypeVar("T")

Name = Annotated[str, typer.Argument(help="The name the person signs in with.")]
NameOrNumber = Annotated[str, typer.Argument(help="The name, or the number that 'list' shows, for single sign-on.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for other programs.")]
PasswordFile = Annotated[
    Path | None, typer.Option(help="A file with the password; a random one is printed, if left out.", dir_okay=False)
]


@app.command()
def add(
    name: Name,
    role: Annotated[str, typer.Option(help="officer | approver; a person holds one.")] = "officer",
    password_file: PasswordFile = None,
    as_json: AsJson = False,
) -> None:
    """Make an account. Its first sign-in shows the secret of one-time codes."""
    if role not in ROLES:
        _stop(f"There is no role {role!r}. Roles: {', '.join(ROLES)}.")
    wanted: Role = "approver" if role == "approver" else "officer"
    given = _run(lambda accounts: accounts.add(name, wanted, datetime.now(UTC), _password(password_file)))
    _print_given(name, given, as_json)


@app.command("list")
def list_accounts(as_json: AsJson = False) -> None:
    """Who may sign in."""
    found = _run(lambda accounts: accounts.store.all())
    if as_json:
        typer.echo(json.dumps([_row(account) for account in found], ensure_ascii=False, indent=1))
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("Name", "Role", "State", "Last signed in", "Number"):
        table.add_column(column)
    for account in found:
        row = _row(account)
        table.add_row(row["name"], row["role"], row["state"], row["signed_in_at"] or "never", row["account_id"])
    console.print(table)


@app.command()
def reset(name: Name, password_file: PasswordFile = None, as_json: AsJson = False) -> None:
    """A new password and a new one-time secret, after either was lost; also unlocks and enables."""
    _print_given(name, _run(lambda accounts: accounts.reset(name, _password(password_file))), as_json)


@app.command()
def disable(name: NameOrNumber) -> None:
    """End the person's access; running sessions end at their next request."""
    _run(lambda accounts: accounts.disable(name, datetime.now(UTC)))
    typer.echo(f"{name} can't sign in any more. 'sealed officer enable {name}' undoes it.")


@app.command()
def enable(name: NameOrNumber) -> None:
    """Let a disabled account sign in again, with what it had."""
    _run(lambda accounts: accounts.enable(name))
    typer.echo(f"{name} can sign in again.")


@app.command()
def code(name: Name) -> None:
    """The account's present one-time code: for development, where nobody holds a phone."""
    typer.echo(_run(lambda accounts: accounts.present_code(name, datetime.now(UTC))))


def _run(act: Callable[[Accounts], Awaitable[T]]) -> T:
    uri, keys_dir = _where()

    async def with_accounts() -> T:
        client = connect(uri, service="officers")
        try:
            store = AccountStore(client["privacy"])
            await store.ensure_indexes()
            return await act(Accounts(store, Passwords(), OneTimeSecrets.from_folder(keys_dir)))
        finally:
            client.close()

    try:
        return asyncio.run(with_accounts())
    except (NameTaken, NoSuchAccount, NotUsable, SecretUnreadable) as refusal:
        _stop(str(refusal))


def _where() -> tuple[str, Path]:
    uri, keys_dir = os.environ.get("MONGODB_URI"), os.environ.get("SEALED_KEYS_DIR")
    if uri and keys_dir:
        return uri, Path(keys_dir)
    var = Path(os.environ.get("SEALED_VAR", "var"))
    stack = var / "run" / "stack.json"
    if not stack.exists():
        _stop(
            f"No running stack: {stack} is not there. Start one with 'make run', or set MONGODB_URI, SEALED_KEYS_DIR."
        )
    return str(json.loads(stack.read_text())["mongodb"]["uri"]), var / "keys" / "privacy"


def _password(path: Path | None) -> str | None:
    return path.read_text().rstrip("\n") if path else None


def _print_given(name: str, given: Given, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps({"name": name, "account_id": given.account_id, "password": given.password}, indent=1))
        return
    typer.echo(f"{name}: password {given.password}\nHand it over in person; it is shown this once.")


def _row(account: Account) -> dict[str, Any]:
    state = "disabled" if account.disabled_at else "waits for its first sign-in"
    if account.enrolled_at or account.password_hash is None:
        state = "disabled" if account.disabled_at else "active"
    return {
        "name": account.name,
        "account_id": account.account_id,
        "role": account.role,
        "state": state,
        "signed_in_at": account.signed_in_at.isoformat(timespec="seconds") if account.signed_in_at else None,
    }


def _stop(message: str) -> NoReturn:
    typer.secho(message, err=True, fg="red")
    raise typer.Exit(1)
