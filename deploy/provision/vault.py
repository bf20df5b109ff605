"""Vault's (OpenBao's) transit engine as the policy has it: grants, a token for each service, first epochs.

Repeatable. `update` without `create`: a publisher that seals to a destroyed epoch must not bring its name back with
another key, as transit does for whoever may create.
"""

import json
from pathlib import Path
from typing import Any

import httpx

from deploy.local.part import StackError
from shared.policy.access import kek_grants, kek_listers
from shared.policy.model import Policy
from shared.sealing.kek_files import write_secret
from shared.sealing.kek_vault import KekVaultKeeper, VaultAddress

PATH_OF = {"seal": "encrypt", "open": "decrypt"}
TOKEN_PERIOD = "768h"


class VaultRefused(StackError):
    def __init__(self, step: str, status: int) -> None:
        super().__init__(f"Vault answers {status} to {step}. Check the administrator's token and that it is unsealed.")


def token_file(keys_root: Path, service: str) -> Path:
    return keys_root / service / "vault.token"


def provision(address: VaultAddress, policy: Policy, keys_root: Path) -> None:
    """`address`: with an administrator's token. Each service's token is put in its own folder under `keys_root`."""
    token = address.token_file.read_text().strip()
    with httpx.Client(
        base_url=f"{address.url}/v1/", headers={"X-Vault-Token": token}, trust_env=False, verify=address.trusted()
    ) as admin:
        if f"{address.mount}/" not in _ask(admin, "GET", "sys/mounts")["data"]:
            _ask(admin, "POST", f"sys/mounts/{address.mount}", {"type": "transit"})
        for service in policy.erasing_stores:
            _ask(
                admin,
                "PUT",
                f"sys/policies/acl/{service}",
                {"policy": json.dumps(_grants(policy, service, address.mount))},
            )
            _give_token(admin, service, token_file(keys_root, service))
    keeper = KekVaultKeeper(address)
    for reader in policy.readers:
        if not keeper.epochs(reader):
            keeper.create(reader, 1)


def _grants(policy: Policy, service: str, mount: str) -> dict[str, Any]:
    paths = [
        f"{mount}/{PATH_OF[grant.act]}/{grant.reader}.*" for grant in kek_grants(policy) if grant.service == service
    ]
    granted = {path: {"capabilities": ["update"]} for path in paths}
    if service in kek_listers(policy):
        granted[f"{mount}/keys"] = {"capabilities": ["list"]}
    return {"path": granted}


def _give_token(admin: httpx.Client, service: str, path: Path) -> None:
    """A new one; the one it had is good for nothing more."""
    if path.exists():
        admin.post("auth/token/revoke", json={"token": path.read_text()})
    wanted = {"policies": [service], "no_default_policy": True, "no_parent": True, "period": TOKEN_PERIOD}
    write_secret(path, _ask(admin, "POST", "auth/token/create", wanted)["auth"]["client_token"])


def _ask(admin: httpx.Client, method: str, path: str, body: Any = None) -> dict[str, Any]:
    """Raises VaultRefused."""
    answer = admin.request(method, path, json=body)
    if answer.is_error:
        raise VaultRefused(path, answer.status_code)
    found: dict[str, Any] = answer.json() if answer.content else {}
    return found
