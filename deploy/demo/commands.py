"""`sealed demo`."""

import asyncio
import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from deploy.demo.patient import Refused
from deploy.demo.show import Screen
from deploy.demo.story import Demo, DemoFailed
from deploy.local.credentials import Credentials
from deploy.local.layout import Layout, default_var
from deploy.local.part import StackError
from deploy.local.stack import local_stack
from shared.policy.load import load_policy

app = typer.Typer()
KEY_CACHE_SECONDS = 2.0


@app.command()
def demo(
    var: Annotated[Path, typer.Option(envvar="SEALED_VAR", help="Where data, keys and logs are.")] = default_var(),  # noqa: B008
) -> None:
    """Show the whole idea on real parts: 500 orders, two withdrawals, a replay, a search of every byte."""
    screen = Screen()
    try:
        asyncio.run(_run(var, screen))
    except (DemoFailed, Refused, TimeoutError) as failure:
        screen.failed(str(failure) or "A step took too long.", Layout.at(var).log)
        sys.exit(1)
    except StackError as failure:
        screen.failed(str(failure), Layout.at(var).log)
        sys.exit(failure.exit_code)


async def _run(var: Path, screen: Screen) -> None:
    layout, policy = Layout.at(var), load_policy()
    screen.opening(KEY_CACHE_SECONDS)
    async with local_stack(var, key_cache_seconds=KEY_CACHE_SECONDS, report=screen.starting) as stack:
        credentials = Credentials(layout.secrets)
        passwords = {service: credentials.password(service) for service in stack.info.services}
        report = await Demo(stack.info, layout.var, policy, passwords, screen).run()
    path = layout.var / "demo" / "report.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(report, ensure_ascii=False, indent=1) + "\n")
    screen.say(f"\n   The report is in {path}.")
