"""`sealed secrets`: what an installation on Kubernetes keeps secret, for `kubectl` or for a secret store."""

import json
from pathlib import Path
from typing import Annotated

import typer
import yaml

from deploy.k8s_manifests.secret_values import Installation, manifests, store_entries
from deploy.local.layout import Layout
from deploy.provision import vault_options
from shared.policy.load import load_policy
from shared.sealing.kek_files import write_secret

app = typer.Typer()


@app.command("secrets")
def secrets_command(
    folder: Annotated[Path, typer.Argument(help="Where keys, passwords and tokens are kept; made, if not there.")],
    mongodb_uri: Annotated[
        str,
        typer.Option(envvar="SEALED_ADMIN_MONGODB_URI", help="An administrator's URI, with the addresses pods use."),
    ],
    vault_addr: vault_options.Url = None,
    vault_token_file: vault_options.TokenFile = None,
    vault_mount: vault_options.Mount = "transit",
    vault_ca_file: vault_options.CaFile = None,
) -> None:
    """Make keys, passwords and tokens that are missing, and write every Secret: secrets.yaml, and store/ for a store.

    Where a Vault is named it holds the key-encryption keys. May be repeated: what is there stays. After a rotation of
    files it writes the new epochs and leaves out the old."""
    address = vault_options.own_vault(vault_addr, vault_token_file, vault_mount, vault_ca_file)
    values = Installation(Layout.at(folder), mongodb_uri, address).values(load_policy())
    write_secret(folder / "secrets.yaml", yaml.safe_dump_all(manifests(values), sort_keys=False))
    for path, held in store_entries(values).items():
        write_secret(folder / "store" / f"{path}.json", json.dumps(held, indent=1))
    typer.echo(f"{len(values)} Secrets: {folder}/secrets.yaml for kubectl, {folder}/store for a secret store.")
