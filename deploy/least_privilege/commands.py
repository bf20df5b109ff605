"""`sealed least-privilege`."""

import asyncio
import logging
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import typer

from deploy.least_privilege.attempt import Attempt
from deploy.least_privilege.every import with_kafka
from deploy.least_privilege.page import PAGE, page, section
from deploy.local.stack import local_stack
from shared.policy.load import load_policy

app = typer.Typer()


@app.command("least-privilege")
def least_privilege() -> None:
    """Let each service try everything on servers of its own making, and write what they answered."""
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # every refusal is an error to it
    found = asyncio.run(_attempts())
    PAGE.write_text(page([section(title, attempts) for title, attempts in found.items()]))
    total = [attempt for attempts in found.values() for attempt in attempts]
    refused = sum(not attempt.granted for attempt in total)
    typer.echo(f"{len(total)} attempts, {refused} refused. The table is in {PAGE}.")


async def _attempts() -> Mapping[str, Sequence[Attempt]]:
    with tempfile.TemporaryDirectory() as var:
        async with local_stack(Path(var), services=(), kafka_brokers=1) as stack:
            return await with_kafka(stack, load_policy())
