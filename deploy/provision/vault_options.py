"""Options of a command that asks an installation's own Vault, as its administrator."""

from pathlib import Path
from typing import Annotated

import typer

from shared.sealing.kek_vault import VaultAddress

Url = Annotated[str | None, typer.Option("--vault-addr", envvar="VAULT_ADDR", help="Vault's URL.")]
TokenFile = Annotated[
    Path | None, typer.Option("--vault-token-file", envvar="VAULT_TOKEN_FILE", help="The administrator's token for it.")
]
Mount = Annotated[
    str, typer.Option("--vault-mount", envvar="VAULT_TRANSIT_MOUNT", help="Where its transit engine is mounted.")
]
CaFile = Annotated[
    Path | None, typer.Option("--vault-ca-file", envvar="VAULT_CACERT", help="Who signed its certificate (PEM).")
]


def own_vault(url: str | None, token_file: Path | None, mount: str, ca_file: Path | None) -> VaultAddress | None:
    """None where none is named. Raises typer.Exit where it is named by half."""
    if url and token_file:
        return VaultAddress(url, token_file, mount, ca_file)
    if url or token_file:
        typer.echo("Vault needs both: --vault-addr and --vault-token-file.", err=True)
        raise typer.Exit(2)
    return None
