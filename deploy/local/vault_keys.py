"""A stack whose key-encryption keys are in an OpenBao of its own:

    async with vault_keys(layout) as vault, local_stack(layout.var, rewire=vault.rewire) as stack:
        …

The stack makes key files as well; nobody reads them.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

from deploy.local.layout import ROOT, Layout
from deploy.local.openbao import CLUSTER, NAME, administrator, bootstrap, openbao_part
from deploy.local.ports import choose_ports
from deploy.local.stack_info import StackNotRunning
from deploy.local.supervisor import Supervisor
from deploy.provision.vault import provision, token_file
from shared.policy.load import load_policy
from shared.sealing.kek_vault import VaultAddress


@dataclass(frozen=True, slots=True)
class VaultKeys:
    """`address`: the administrator's."""

    layout: Layout
    address: VaultAddress
    server: Supervisor

    async def rewire(self, service: str, environment: Mapping[str, str]) -> Mapping[str, str]:
        """What `local_stack` may change of a service's environment."""
        token = str(token_file(self.layout.keys, service))
        return {**environment, "SEALED_KEK": "vault", "VAULT_ADDR": self.address.url, "VAULT_TOKEN_FILE": token}


def administrator_of(layout: Layout) -> VaultAddress:
    """Of the server that runs under this layout. Raises StackNotRunning."""
    ports = layout.run / "ports.json"
    known = json.loads(ports.read_text()) if ports.exists() else {}
    if NAME not in known:
        raise StackNotRunning(layout.stack_json)
    return administrator(layout, known[NAME])


@asynccontextmanager
async def vault_keys(layout: Layout) -> AsyncIterator[VaultKeys]:
    """Raises a StackError: PartMissing, PartFailed, VaultRefused."""
    layout.make()
    ports = choose_ports((NAME, CLUSTER), layout.run / "ports.json")
    part = openbao_part(layout, ports[NAME], ports[CLUSTER])
    server = Supervisor(part, working_dir=ROOT, log_dir=layout.log)
    await server.start()
    try:
        await bootstrap(layout, ports[NAME])
        address = administrator(layout, ports[NAME])
        await asyncio.to_thread(provision, address, load_policy(), layout.keys)
        yield VaultKeys(layout, address, server)
    finally:
        await server.stop()
