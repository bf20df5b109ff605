"""A real OpenBao with the policy's grants: a token for each service, and the administrator's."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from deploy.local.layout import Layout
from deploy.local.supervisor import Supervisor
from deploy.local.vault_keys import vault_keys
from deploy.provision.vault import token_file
from shared.sealing.kek_vault import KekVault, KekVaultKeeper, VaultAddress


@dataclass(frozen=True)
class Vault:
    layout: Layout
    address: VaultAddress
    server: Supervisor

    @property
    def keeper(self) -> KekVaultKeeper:
        return KekVaultKeeper(self.address)

    def of(self, service: str) -> VaultAddress:
        return replace(self.address, token_file=token_file(self.layout.keys, service))

    def kek(self, service: str, reader: str | None = None) -> KekVault:
        """With the service's own token; as another reader, if it dares."""
        return KekVault(self.of(service), reader or service)


@asynccontextmanager
async def a_vault(var: Path) -> AsyncIterator[Vault]:
    async with vault_keys(Layout.at(var)) as keys:
        yield Vault(keys.layout, keys.address, keys.server)
