"""A real OpenBao with the policy's grants: a token for each service, and the administrator's."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from deploy.local.layout import ROOT, Layout
from deploy.local.openbao import NAME, administrator, bootstrap, openbao_part
from deploy.local.ports import choose_ports
from deploy.local.supervisor import Supervisor
from deploy.provision.vault import provision, token_file
from shared.policy.load import load_policy
from shared.sealing.kek_vault import KekVault, KekVaultKeeper, VaultAddress


@dataclass
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
    layout = Layout.at(var)
    layout.make()
    ports = choose_ports((NAME, "openbao-cluster"), layout.run / "ports.json")
    part = openbao_part(layout, ports[NAME], ports["openbao-cluster"])
    server = Supervisor(part, working_dir=ROOT, log_dir=layout.log)
    await server.start()
    try:
        await bootstrap(layout, ports[NAME])
        address = administrator(layout, ports[NAME])
        provision(address, load_policy(), layout.keys)
        yield Vault(layout, address, server)
    finally:
        await server.stop()
