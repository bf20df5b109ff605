"""kube-apiserver with an etcd of its own, on free ports of loopback.

It admits, validates and stores what it is sent, as in any cluster. No controller, scheduler or node runs: a Deployment
makes no pods here, and what only an operator would refuse is not refused.
"""

import csv
import json
import secrets
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Final

import httpx
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from deploy.local.environment import child_environment
from deploy.local.part import Part
from deploy.local.ports import choose_ports
from deploy.local.readiness import Gate, http_ready
from deploy.local.supervisor import Supervisor
from shared.sealing.kek_files import write_secret

ETCD: Final = "etcd"
ETCD_PEERS: Final = "etcd-peers"
API: Final = "kube-apiserver"
LOOPBACK: Final = "127.0.0.1"


@asynccontextmanager
async def api_server(programs: Path, folder: Path) -> AsyncIterator[Path]:
    """Gives the kubeconfig of an administrator. `programs`: as set-up.sh prints it. `folder`: empty, for data, keys and
    logs. Raises PartFailed or PartNotReady, with the end of the log."""
    ports = choose_ports((ETCD, ETCD_PEERS, API), folder / "ports.json")
    token, kubeconfig = secrets.token_hex(16), folder / "kubeconfig.json"
    write_secret(kubeconfig, json.dumps(_kubeconfig(folder, ports[API], token)))
    async with AsyncExitStack() as running:
        for part in (_etcd(programs, folder, ports), _api(programs, folder, ports, token)):
            supervisor = Supervisor(part, working_dir=folder, log_dir=folder)
            running.push_async_callback(supervisor.stop)
            await supervisor.start()
        yield kubeconfig


def _etcd(programs: Path, folder: Path, ports: Mapping[str, int]) -> Part:
    clients, peers = (f"http://{LOOPBACK}:{ports[name]}" for name in (ETCD, ETCD_PEERS))
    options = {
        "data-dir": str(folder / ETCD),
        "listen-client-urls": clients,
        "advertise-client-urls": clients,
        "listen-peer-urls": peers,
        "initial-advertise-peer-urls": peers,
        "initial-cluster": f"default={peers}",
    }
    argv = (str(programs / ETCD), "--unsafe-no-fsync", *_written(options))
    return Part(ETCD, argv, child_environment(), http_ready(f"{clients}/health"), restart=False)


def _api(programs: Path, folder: Path, ports: Mapping[str, int], token: str) -> Part:
    key, tokens = folder / "accounts.pem", folder / "tokens.csv"
    private = generate_private_key(public_exponent=65537, key_size=2048)
    write_secret(key, private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode())
    with tokens.open("w", newline="") as file:
        csv.writer(file).writerow([token, "administrator", "1", "system:masters"])
    options = {
        "etcd-servers": f"http://{LOOPBACK}:{ports[ETCD]}",
        "bind-address": LOOPBACK,
        "advertise-address": LOOPBACK,
        "secure-port": str(ports[API]),
        "cert-dir": str(folder),
        "service-cluster-ip-range": "10.0.0.0/24",
        "service-account-issuer": "https://kubernetes.default.svc",
        "service-account-key-file": str(key),
        "service-account-signing-key-file": str(key),
        "token-auth-file": str(tokens),
        "authorization-mode": "RBAC",
        # So that it is the namespace's pod security that refuses a privileged pod, not this server.
        "allow-privileged": "true",
        "endpoint-reconciler-type": "none",
    }
    argv = (str(programs / API), *_written(options))
    return Part(API, argv, child_environment(), _ready(folder, ports[API]), restart=False, start_seconds=180)


def _written(options: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(f"--{name}={value}" for name, value in options.items())


def _ready(folder: Path, port: int) -> Gate:
    async def gate() -> bool:
        if not _certificate(folder).exists():  # it makes one at its start
            return False
        try:
            verify = ssl.create_default_context(cafile=str(_certificate(folder)))
            async with httpx.AsyncClient(verify=verify, timeout=2, trust_env=False) as http:
                return (await http.get(f"https://{LOOPBACK}:{port}/readyz")).status_code == 200
        except (httpx.HTTPError, ssl.SSLError):
            return False

    return gate


def _kubeconfig(folder: Path, port: int, token: str) -> dict[str, object]:
    cluster = {"server": f"https://{LOOPBACK}:{port}", "certificate-authority": str(_certificate(folder))}
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "here", "cluster": cluster}],
        "users": [{"name": "administrator", "user": {"token": token}}],
        "contexts": [{"name": "here", "context": {"cluster": "here", "user": "administrator"}}],
        "current-context": "here",
    }


def _certificate(folder: Path) -> Path:
    return folder / "apiserver.crt"
