"""What each Secret of an installation holds: made once, the same at the next run.

The folder is laid out as a local stack's: `keys/` with a folder for each service, `run/secrets/` with passwords and
tokens. Whoever holds it can open everything: it belongs to two people and a safe, not to a laptop.
"""

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field

from deploy.k8s_manifests import keys, settings
from deploy.k8s_manifests.names import KAFKA_NAMESPACE, NAMESPACE, Manifest, metadata
from deploy.local.credentials import Credentials
from deploy.local.layout import Layout
from deploy.provision import keys as key_files
from deploy.provision import vault
from deploy.provision.mongodb import uri_of
from shared.policy.model import Policy
from shared.sealing.kek_vault import VaultAddress

# (namespace, name) → key → value.
Values = Mapping[tuple[str, str], Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class Installation:
    """`mongodb_uri`: an administrator's, with the addresses that the pods use. `vault`: where the key-encryption keys
    are, with an administrator's token; None where they are files."""

    layout: Layout
    mongodb_uri: str = field(repr=False)
    vault: VaultAddress | None = None

    def values(self, policy: Policy) -> Values:
        """Makes what is missing in the folder. With Vault every service gets a new token, and its old one ends.

        Raises VaultRefused, or httpx's HTTPError where Vault is away."""
        self.layout.var.mkdir(parents=True, exist_ok=True, mode=0o700)
        key_files.provision(self.layout.keys, policy)
        if self.vault:
            vault.provision(self.vault, policy, self.layout.keys)
        made: dict[tuple[str, str], Mapping[str, str]] = {(NAMESPACE, "mongodb-admin"): {"uri": self.mongodb_uri}}
        if self.vault:
            made[NAMESPACE, "vault-admin"] = {"token": self.vault.token_file.read_text().strip()}
        for service in policy.erasing_stores:
            made |= self._of_service(policy, service)
        return made

    def _of_service(self, policy: Policy, service: str) -> Values:
        credentials = Credentials(self.layout.secrets)
        password, kafka = credentials.password(service), {"password": credentials.kafka_password(service)}
        made: dict[tuple[str, str], Mapping[str, str]] = {
            (NAMESPACE, f"{service}-keys"): self._keys(policy, service),
            (NAMESPACE, f"{service}-mongodb"): {"uri": uri_of(self.mongodb_uri, service, password)},
            (NAMESPACE, f"{service}-kafka"): kafka,
            (KAFKA_NAMESPACE, f"{service}-kafka"): kafka,  # Strimzi takes the user's password from here
            (NAMESPACE, f"{service}-tokens"): {one: credentials.token(_role(one)) for one in settings.TOKENS[service]},
        }
        if self.vault:
            token = vault.token_file(self.layout.keys, service)
            made[NAMESPACE, f"{service}-vault"] = {"token": token.read_text()}
        return made

    def _keys(self, policy: Policy, service: str) -> Mapping[str, str]:
        """Epochs only where they are files, and only those that live."""
        wanted = keys.always(policy, service) + (() if self.vault else keys.per_epoch(policy, service))
        folder = self.layout.keys / service
        return {keys.secret_key(path): (folder / path).read_text() for path in wanted if (folder / path).exists()}


def manifests(values: Values) -> list[Manifest]:
    """`data`, not `stringData`: of that, kubectl would leave a destroyed epoch's key where it was."""
    return [
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": metadata(name, name, space),
            "data": {key: base64.b64encode(value.encode()).decode() for key, value in held.items()},
        }
        for (space, name), held in sorted(values.items())
    ]


def store_entries(values: Values) -> Mapping[str, Mapping[str, str]]:
    """Path in the secret store, as the component external-secrets reads it → property → value."""
    return {f"{NAMESPACE}/{name}": held for (space, name), held in values.items() if space == NAMESPACE}


def _role(token: str) -> str:
    """SEALED_SHOP_TOKEN → shop."""
    return token.removeprefix("SEALED_").removesuffix("_TOKEN").lower()
