"""`python -m services.privacy.cli`: the officer's commands where the image is all there is."""

from services.privacy.cli.commands import app
from services.privacy.cli.officers import app as officers

app.add_typer(officers, name="officer")

if __name__ == "__main__":
    app()
