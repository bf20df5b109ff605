"""The console command `sealed`: what each part of the project offers, under one roof."""

import typer

from deploy.local import commands as local

# Locals of a traceback can hold personal data, so they are never shown.
app = typer.Typer(
    name="sealed",
    help="Sealed Orders: each service opens only what the policy grants it; one withdrawal makes a person unreadable.",
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,
)
app.add_typer(local.app)

if __name__ == "__main__":
    app()
