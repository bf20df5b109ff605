"""`sealed run` and `sealed reset`."""

import asyncio
import shutil
import signal
import sys
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.console import Console
from rich.table import Table

from deploy.local.follow import follow, show
from deploy.local.kafka import brokers_wanted, names_of
from deploy.local.kafka_cluster import BROKER
from deploy.local.layout import SERVICES, Layout, default_var
from deploy.local.lock import only_one
from deploy.local.officers import Member, development_accounts
from deploy.local.outside.mailbox import NAME as MAILBOX
from deploy.local.outside.parts import NAMES as OUTSIDE
from deploy.local.part import StackError
from deploy.local.replicas import names_of as replicas_of
from deploy.local.replicas import replicas_wanted
from deploy.local.services import as_it_is
from deploy.local.stack import LocalStack, local_stack
from deploy.local.vault_keys import vault_keys
from shared.policy.load import PolicyInvalid

app = typer.Typer()
# What a run makes; nothing else in var/ is touched.
MADE = ("data", "keys", "log", "run", "outside", "demo", "bench")

Kek = Annotated[Literal["files", "vault"], typer.Option(envvar="SEALED_KEK", help="Where the key-encryption keys are.")]
Var = Annotated[Path, typer.Option(envvar="SEALED_VAR", help="Where data, keys and logs are.")]


@app.command()
def run(
    var: Var = default_var(),  # noqa: B008 - a path is not changed by its use
    key_cache_seconds: Annotated[
        float, typer.Option(min=1, max=60, help="How long a service may keep a person's key.")
    ] = 60.0,
    kek: Kek = "files",
) -> None:
    """Start everything and keep it running. Ctrl-C or TERM stops it; the data are kept."""
    console = Console()
    sys.exit(asyncio.run(_run(console, Layout.at(var), key_cache_seconds, kek)))


@app.command()
def reset(var: Var = default_var()) -> None:  # noqa: B008 - as above
    """Throw away data, keys, logs and the outside world's copies."""
    layout = Layout.at(var)
    try:
        with only_one(layout):
            for name in MADE:
                shutil.rmtree(layout.var / name, ignore_errors=True)
    except StackError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(error.exit_code) from None
    typer.echo(f"{layout.var} is empty.")


async def _run(console: Console, layout: Layout, key_cache_seconds: float, kek: str) -> int:
    """The exit code: 0 when it was told to stop, else the first failure's."""
    told = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, told.set)
    stopping = asyncio.create_task(told.wait())
    living = asyncio.create_task(_live(console, layout, key_cache_seconds, kek))
    await asyncio.wait((stopping, living), return_when=asyncio.FIRST_COMPLETED)
    if stopping.done():
        show(console, "stack", "stopping; data are kept", colour="bold")
    living.cancel()
    try:
        await living
    except asyncio.CancelledError:
        return 0
    except (StackError, PolicyInvalid) as error:
        show(console, "stack", str(error), colour="bold red")
        return error.exit_code if isinstance(error, StackError) else 1
    finally:
        stopping.cancel()
    return 0


async def _live(console: Console, layout: Layout, key_cache_seconds: float, kek: str) -> None:
    """Until cancelled. Raises StackError."""
    services = [name for service in SERVICES for name in replicas_of(service, replicas_wanted())]
    logs = {
        name: layout.log / f"{name}.log"
        for name in (*services, *OUTSIDE, MAILBOX, *(names_of(brokers_wanted()) or (BROKER,)))
    }
    following = asyncio.create_task(follow(console, logs))
    try:
        async with AsyncExitStack() as parts:
            rewire = (await parts.enter_async_context(vault_keys(layout))).rewire if kek == "vault" else as_it_is
            stack = await parts.enter_async_context(
                local_stack(
                    layout.var,
                    key_cache_seconds=key_cache_seconds,
                    log_format="console" if console.is_terminal else "json",
                    report=lambda part, line: show(console, part, line, colour="bold"),
                    rewire=rewire,
                )
            )
            console.print(_overview(stack))
            console.print(_pages(stack, await development_accounts(layout, stack.info.mongodb.uri)))
            raise await stack.wait_failed()
    finally:
        following.cancel()


def _overview(stack: LocalStack) -> Table:
    info = stack.info
    table = Table(title="Ready. Ctrl-C stops it.", title_style="bold green", title_justify="left", show_header=False)
    for service, replicas in info.replicas.items():
        table.add_row(service, "\n".join(replica.url for replica in replicas))
    table.add_row("kafka", info.kafka.bootstrap_servers)
    mailbox = f", the console's mailbox is {info.outside.mailbox}" if info.outside.mailbox else ""
    table.add_row("mail", f"SMTP at 127.0.0.1:{info.outside.smtp_port}{mailbox}")
    table.add_row("logs", str(info.log_dir))
    table.add_row("tokens, URIs", str(stack.layout.stack_json))
    return table


def _pages(stack: LocalStack, members: list[Member]) -> Table:
    """What to open in a browser, and the development sign-in: these accounts are in no other stack."""
    info = stack.info
    client, console = info.services["intake"].url, info.services["privacy"].url
    table = Table(title="Open in a browser", title_style="bold", title_justify="left", show_header=False)
    table.add_row("order", f"{client}/")
    table.add_row("my data", f"{client}/my-data\ncodes arrive in {info.outside.sms_log.parent}")
    table.add_row("operators", f"{client}/operator/call-backs\ntoken {info.tokens.operator}")
    table.add_row("console", f"{console}/console")
    for member in members:
        table.add_row(member.name, f"password {member.password}\ncode: sealed officer code {member.name}")
    return table
