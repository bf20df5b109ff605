"""`python -m deploy.provision.rotation_job`: `sealed keys rotate` as a CronJob, where Vault holds the keys.

Told by the environment alone, and without the parts of the local stack, so that it runs in the services' image.
"""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from deploy.provision.rotate_keys import rotate_all
from shared.policy.load import load_policy
from shared.sealing.kek_vault import KekVaultKeeper, VaultAddress

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)  # a traceback's locals hold keys


@app.command()
def rotation_job(
    admin_mongodb_uri: Annotated[str, typer.Option(envvar="SEALED_ADMIN_MONGODB_URI", help="An administrator's.")],
    vault_addr: Annotated[str, typer.Option(envvar="VAULT_ADDR", help="Vault's URL.")],
    vault_token_file: Annotated[Path, typer.Option(envvar="VAULT_TOKEN_FILE", help="The administrator's token.")],
    kek: Annotated[str, typer.Option(envvar="SEALED_KEK", help="vault; a job can change no Secret.")] = "vault",
    vault_mount: Annotated[str, typer.Option(envvar="VAULT_TRANSIT_MOUNT", help="Of its transit engine.")] = "transit",
    vault_ca_file: Annotated[
        Path | None, typer.Option(envvar="VAULT_CACERT", help="Who signed its certificate.")
    ] = None,
    cache_seconds: Annotated[
        float,
        typer.Option(envvar="SEALED_KEY_CACHE_SECONDS", min=1, max=60, help="How long services may keep a key."),
    ] = 60.0,
) -> None:
    """Re-wrap the keys of everybody who is not erased, then destroy the old key-encryption keys."""
    if kek != "vault":
        typer.echo("A job can rotate only keys in Vault: SEALED_KEK=vault. Files: `sealed keys rotate`.", err=True)
        raise typer.Exit(2)
    keeper = KekVaultKeeper(VaultAddress(vault_addr, vault_token_file, vault_mount, vault_ca_file))
    readers = tuple(load_policy().readers)
    for rotation in asyncio.run(rotate_all(admin_mongodb_uri, keeper, readers, cache_seconds=cache_seconds)):
        typer.echo(str(rotation))


if __name__ == "__main__":
    app()
