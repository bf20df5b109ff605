"""Key-encryption keys in the transit engine of HashiCorp Vault or OpenBao: they never leave the server.

One transit key a reader and epoch, `<reader>.<epoch>` (no name of a reader has a dot), of type aes256-gcm96. Transit's
keys are symmetric, so who may seal and who may open is the server's to keep apart: a publisher's token may `encrypt`,
the reader's alone `decrypt` (`deploy/provision/vault.py` makes the grants from the policy). An epoch is destroyed by
deleting its key: transit's own key versions share one name and one archive, from which a deletion is not for certain.

Documented HTTP API, transit: encrypt, decrypt, keys. Tink's own Vault integration refuses associated data, and
makes one error of a destroyed key and a server that is away; only the first of them is final.
"""

import base64
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from shared.sealing.kek import KekUnavailable, KekUnreachable, session_context

TIMEOUT_SECONDS = 5.0
KEY_TYPE = "aes256-gcm96"


@dataclass(frozen=True, slots=True)
class VaultAddress:
    """token_file: read for each call, so that an agent may renew it. ca_file: who signed the server's certificate."""

    url: str
    token_file: Path
    mount: str = "transit"
    ca_file: Path | None = None

    def trusted(self) -> ssl.SSLContext | bool:
        """httpx's `verify`."""
        return ssl.create_default_context(cafile=self.ca_file) if self.ca_file else True


class KekVault:
    """`KekSealer` and, for `reader`, `KekOpener`, with the rights of one token. May be used by several threads."""

    def __init__(self, address: VaultAddress, reader: str) -> None:
        self._reader = reader
        self._transit = _Transit(address)

    def epochs(self, reader: str) -> list[int]:
        return self._transit.epochs(reader)

    def current_epoch(self, reader: str) -> int:
        epochs = self.epochs(reader)
        if not epochs:
            raise KekUnavailable(reader)
        return epochs[-1]

    def seal(self, reader: str, epoch: int, session: bytes) -> bytes:
        sealed = self._transit.use("encrypt", reader, epoch, {"plaintext": _text(session)})["ciphertext"]
        return str(sealed).encode()

    def open(self, epoch: int, sealed: bytes) -> bytes:
        opened = self._transit.use("decrypt", self._reader, epoch, {"ciphertext": sealed.decode("latin-1")})
        return base64.b64decode(opened["plaintext"])


class KekVaultKeeper:
    """`KekKeeper`, with an administrator's token."""

    def __init__(self, address: VaultAddress) -> None:
        self._address = address
        self._transit = _Transit(address)

    def epochs(self, reader: str) -> list[int]:
        return self._transit.epochs(reader)

    def create(self, reader: str, epoch: int) -> None:
        never_out = {"exportable": False, "allow_plaintext_backup": False}
        self._transit.ask("POST", f"keys/{_name(reader, epoch)}", {"type": KEY_TYPE, **never_out})

    def destroy(self, reader: str, epoch: int) -> None:
        if epoch in self.epochs(reader):
            self._transit.ask("POST", f"keys/{_name(reader, epoch)}/config", {"deletion_allowed": True})
            self._transit.ask("DELETE", f"keys/{_name(reader, epoch)}")

    def sealer(self) -> KekVault:
        return KekVault(self._address, "")

    def opener(self, reader: str) -> KekVault:
        return KekVault(self._address, reader)


class _Transit:
    """Errors never carry what the server says: it may repeat what it was sent."""

    def __init__(self, address: VaultAddress) -> None:
        self._token_file = address.token_file
        self._mount = address.mount
        # No proxy from the environment: session keys go to Vault and nowhere else.
        self._http = httpx.Client(
            base_url=f"{address.url}/v1/", timeout=TIMEOUT_SECONDS, trust_env=False, verify=address.trusted()
        )

    def epochs(self, reader: str) -> list[int]:
        answer = self._send("LIST", "keys", None)
        found = [] if answer.status_code == httpx.codes.NOT_FOUND else _data(answer)["keys"]
        names = [name.rpartition(".") for name in found]
        return sorted(int(epoch) for whose, _, epoch in names if whose == reader and epoch.isdecimal())

    def use(self, act: str, reader: str, epoch: int, body: Mapping[str, Any]) -> dict[str, Any]:
        """`encrypt` or `decrypt`. Raises KekUnavailable where there is no such key or it is not the one."""
        bound = {**body, "associated_data": _text(session_context(reader, epoch))}
        answer = self._send("POST", f"{act}/{_name(reader, epoch)}", bound)
        if answer.status_code == httpx.codes.BAD_REQUEST:
            raise KekUnavailable(reader, epoch)
        return _data(answer)

    def ask(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> None:
        answer = self._send(method, path, body)
        if answer.is_error:
            raise KekUnreachable(f"it answers {answer.status_code}")

    def _send(self, method: str, path: str, body: Mapping[str, Any] | None) -> httpx.Response:
        try:
            token = self._token_file.read_text().strip()
            return self._http.request(method, f"{self._mount}/{path}", json=body, headers={"X-Vault-Token": token})
        except (httpx.TransportError, OSError) as error:
            raise KekUnreachable(type(error).__name__) from None


def _data(answer: httpx.Response) -> dict[str, Any]:
    if answer.is_error:
        raise KekUnreachable(f"it answers {answer.status_code}")
    data: dict[str, Any] = answer.json()["data"]
    return data


def _name(reader: str, epoch: int) -> str:
    return f"{reader}.{epoch}"


def _text(raw: bytes) -> str:
    return base64.b64encode(raw).decode()
