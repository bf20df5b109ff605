"""The console command `sealed`: what each part of the project offers, under one roof."""

from typing import Any

import typer
from pymongo.errors import ConnectionFailure
from typer.core import TyperGroup

from deploy import policy_commands as policy
from deploy.bench import commands as bench
from deploy.dead_letters import commands as dead_letters
from deploy.demo import commands as demo
from deploy.faults import commands as faults
from deploy.k8s_manifests import commands as k8s
from deploy.least_privilege import commands as least_privilege
from deploy.local import commands as local
from deploy.local.part import StackError
from deploy.provision import commands as provision
from deploy.sizing import commands as sizing
from deploy.soak import commands as soak
from services.notifications import cli as operator
from services.privacy.cli import commands as officer
from services.privacy.cli import officers
from shared.policy.load import PolicyInvalid


class InWords(TyperGroup):
    """What its reader can mend is said in words, without a traceback."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except (StackError, PolicyInvalid) as error:
            typer.echo(str(error), err=True)
            raise typer.Exit(error.exit_code if isinstance(error, StackError) else 1) from None
        except ConnectionFailure:  # its text names every server it tried
            typer.echo("MongoDB does not answer. Is the stack running? Start it with `make run`.", err=True)
            raise typer.Exit(1) from None


# Locals of a traceback can hold personal data, so they are never shown.
app = typer.Typer(
    name="sealed",
    cls=InWords,
    help="Sealed Orders: each service opens only what the policy grants it; one withdrawal makes a person unreadable.",
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,
)
app.add_typer(local.app)
app.add_typer(demo.app)
app.add_typer(bench.app)
app.add_typer(faults.app)
app.add_typer(least_privilege.app)
app.add_typer(soak.app)
app.add_typer(officer.app)
app.add_typer(officers.app, name="officer")
app.add_typer(operator.app)
app.add_typer(provision.app, name="keys")
app.add_typer(k8s.app)
app.add_typer(sizing.app, name="sizing")
app.add_typer(policy.app, name="policy")
app.add_typer(dead_letters.app, name="dead-letters")

if __name__ == "__main__":
    app()
