"""`sealed keys rotate`."""

import asyncio
import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Literal

import typer

from deploy.local.layout import Layout, default_var
from deploy.local.stack_info import read_stack
from deploy.local.vault_keys import administrator_of
from deploy.provision import vault_options
from deploy.provision.rotate_keys import rotate_all
from shared.policy.load import load_policy
from shared.sealing.kek import KekKeeper
from shared.sealing.kek_files import KekFolders
from shared.sealing.kek_vault import KekVaultKeeper

app = typer.Typer(help="Key-encryption keys and their epochs.", no_args_is_help=True)


@app.callback()
def keys() -> None:
    """Key-encryption keys and their epochs."""


@app.command("rotate")
def rotate_command(
    reader: Annotated[
        list[str] | None, typer.Option(help="Only this reader; may be repeated. All, if left out.")
    ] = None,
    cache_seconds: Annotated[
        float,
        typer.Option(envvar="SEALED_KEY_CACHE_SECONDS", min=0.1, max=60, help="How long services may keep a key."),
    ] = 60.0,
    kek: Annotated[
        Literal["files", "vault"], typer.Option(envvar="SEALED_KEK", help="Where the key-encryption keys are.")
    ] = "files",
    vault_addr: vault_options.Url = None,
    vault_token_file: vault_options.TokenFile = None,
    vault_mount: vault_options.Mount = "transit",
    vault_ca_file: vault_options.CaFile = None,
    admin_mongodb_uri: Annotated[
        str | None,
        typer.Option(envvar="SEALED_ADMIN_MONGODB_URI", help="An administrator's URI. The local stack's, if left out."),
    ] = None,
    var: Annotated[Path, typer.Option(envvar="SEALED_VAR", help="Where the running stack is.")] = default_var(),  # noqa: B008
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for other programs.")] = False,
) -> None:
    """Re-wrap the keys of everybody who is not erased, then destroy the old key-encryption key.

    Where no Vault is named it is the local stack's."""
    policy = load_policy()
    unknown = sorted(set(reader or ()) - set(policy.readers))
    if unknown:
        typer.echo(f"The policy has no reader {', '.join(unknown)}. Readers: {', '.join(policy.readers)}.", err=True)
        raise typer.Exit(2)
    layout = Layout.at(var)
    uri = admin_mongodb_uri or read_stack(layout.stack_json).mongodb.uri
    keeper: KekKeeper = KekFolders(layout.keys)
    if kek == "vault":
        own = vault_options.own_vault(vault_addr, vault_token_file, vault_mount, vault_ca_file)
        keeper = KekVaultKeeper(own or administrator_of(layout))
    done = asyncio.run(rotate_all(uri, keeper, tuple(reader or policy.readers), cache_seconds=cache_seconds))
    if as_json:
        typer.echo(json.dumps([asdict(rotation) for rotation in done], indent=1))
        return
    for rotation in done:
        typer.echo(str(rotation))
