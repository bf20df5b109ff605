"""The console command `sealed`: what each part of the project offers, under one roof."""

import typer

from deploy import policy_commands as policy
from deploy.bench import commands as bench
from deploy.demo import commands as demo
from deploy.local import commands as local
from deploy.provision import commands as provision
from services.notifications import cli as operator
from services.privacy.cli import commands as officer

# Locals of a traceback can hold personal data, so they are never shown.
app = typer.Typer(
    name="sealed",
    help="Sealed Orders: each service opens only what the policy grants it; one withdrawal makes a person unreadable.",
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,
)
app.add_typer(local.app)
app.add_typer(demo.app)
app.add_typer(bench.app)
app.add_typer(officer.app)
app.add_typer(operator.app)
app.add_typer(provision.app, name="keys")
app.add_typer(policy.app, name="policy")

if __name__ == "__main__":
    app()
