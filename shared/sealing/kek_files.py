"""Key-encryption keys as Tink keyset files: for development and tests; production has `kek_vault.py`.

Layout under a keys root, one folder per service, so that a service can be given its folder and no other:
`<reader>/kek/<epoch>.json` (private, mode 0600) and `<publisher>/public/<reader>/<epoch>.json`. Whoever only has to
know which epochs live, to certify that one is gone, is given `<service>/epochs/<reader>/<epoch>.json`, without a key.
"""

import os
from pathlib import Path

import tink
from tink import TinkError, hybrid, json_proto_keyset_format, secret_key_access

from shared.sealing.kek import KekUnavailable, session_context

hybrid.register()
TEMPLATE = hybrid.hybrid_key_templates.DHKEM_X25519_HKDF_SHA256_HKDF_SHA256_AES_256_GCM


class KekFiles:
    """`KekSealer` and, for `reader`, `KekOpener`, over the folder given to one service."""

    def __init__(self, folder: Path, reader: str) -> None:
        self._folder = folder
        self._reader = reader

    def epochs(self, reader: str) -> list[int]:
        known = (epochs_in(self._folder / kind / reader) for kind in ("public", "epochs"))
        return sorted({epoch for epochs in known for epoch in epochs})

    def current_epoch(self, reader: str) -> int:
        epochs = self.epochs(reader)
        if not epochs:
            raise KekUnavailable(reader)
        return epochs[-1]

    def seal(self, reader: str, epoch: int, session: bytes) -> bytes:
        path = self._folder / "public" / reader / f"{epoch}.json"
        if not path.exists():
            raise KekUnavailable(reader, epoch)
        public = json_proto_keyset_format.parse_without_secret(path.read_text())
        sealed: bytes = public.primitive(hybrid.HybridEncrypt).encrypt(session, session_context(reader, epoch))
        return sealed

    def open(self, epoch: int, sealed: bytes) -> bytes:
        """Reads the private half for this one call: it is not kept, so a destroyed epoch is gone at once."""
        path = self._folder / "kek" / f"{epoch}.json"
        if not path.exists():
            raise KekUnavailable(self._reader, epoch)
        private = json_proto_keyset_format.parse(path.read_text(), secret_key_access.TOKEN)
        try:
            session: bytes = private.primitive(hybrid.HybridDecrypt).decrypt(
                sealed, session_context(self._reader, epoch)
            )
        except TinkError:
            raise KekUnavailable(self._reader, epoch) from None
        return session


class KekFolders:
    """`KekKeeper` over the root of all services' folders."""

    def __init__(self, keys_root: Path, publisher: str = "intake") -> None:
        self._root = keys_root
        self._publisher = publisher

    def epochs(self, reader: str) -> list[int]:
        return epochs_in(self._root / reader / "kek")

    def create(self, reader: str, epoch: int) -> None:
        create_epoch(self._root, reader, epoch)

    def destroy(self, reader: str, epoch: int) -> None:
        destroy_epoch(self._root, reader, epoch)

    def sealer(self) -> KekFiles:
        return KekFiles(self._root / self._publisher, self._publisher)

    def opener(self, reader: str) -> KekFiles:
        return KekFiles(self._root / reader, reader)


def epochs_in(folder: Path) -> list[int]:
    """Epochs that have a key file, ascending."""
    return sorted(int(path.stem) for path in folder.glob("*.json")) if folder.exists() else []


def create_epoch(
    keys_root: Path,
    reader: str,
    epoch: int,
    *,
    publishers: tuple[str, ...] = ("intake",),
    listers: tuple[str, ...] = ("privacy",),
) -> None:
    """Make the reader's KEK of that epoch and hand its public half to whoever seals; listers are told that it lives.

    No public half for them: who may also change the keyring, as the privacy service may, could put keys of its own
    making there, and intake would seal the next order under them. Idempotent."""
    private_path = keys_root / reader / "kek" / f"{epoch}.json"
    if private_path.exists():
        private = json_proto_keyset_format.parse(private_path.read_text(), secret_key_access.TOKEN)
    else:
        private = tink.new_keyset_handle(TEMPLATE)
        write_secret(private_path, json_proto_keyset_format.serialize(private, secret_key_access.TOKEN))
    public = json_proto_keyset_format.serialize_without_secret(private.public_keyset_handle())
    for publisher in publishers:
        write_secret(keys_root / publisher / "public" / reader / f"{epoch}.json", public)
    for lister in listers:
        write_secret(keys_root / lister / "epochs" / reader / f"{epoch}.json", "{}")
        (keys_root / lister / "public" / reader / f"{epoch}.json").unlink(missing_ok=True)  # in folders made earlier


def destroy_epoch(keys_root: Path, reader: str, epoch: int) -> None:
    """Remove the KEK of that epoch everywhere under the root. Idempotent; there is no way back."""
    told = [path for kind in ("public", "epochs") for path in keys_root.glob(f"*/{kind}/{reader}/{epoch}.json")]
    for path in (keys_root / reader / "kek" / f"{epoch}.json", *told):
        if path.exists():
            path.write_bytes(b"\0" * path.stat().st_size)
            path.unlink()


def write_secret(path: Path, text: str) -> None:
    """Write atomically, readable by the owner only."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    temporary = path.with_suffix(".new")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    temporary.replace(path)
