"""The rotation's job does what its environment says, and refuses what it can not do: keys that are files."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from typer.testing import CliRunner

from deploy.provision import rotation_job
from deploy.provision.rotate_keys import Rotation
from shared.policy.load import load_policy
from shared.sealing.kek import KekKeeper
from shared.sealing.kek_vault import KekVaultKeeper, VaultAddress

TOLD = {
    "SEALED_ADMIN_MONGODB_URI": "mongodb://administrator:x@mongodb.example.kz",
    "VAULT_ADDR": "https://vault.example.kz",
    "VAULT_TOKEN_FILE": "/vault/token",
    "VAULT_TRANSIT_MOUNT": "own",
    "VAULT_CACERT": "/vault-ca/ca.crt",
    "SEALED_KEK": "vault",
    "SEALED_KEY_CACHE_SECONDS": "30",
}


def test_it_rotates_everybody_as_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []

    def keeper(address: VaultAddress) -> KekVaultKeeper:
        asked.append(address)
        return KekVaultKeeper.__new__(KekVaultKeeper)

    async def rotate_all(
        uri: str, keeper: KekKeeper, readers: Sequence[str], *, cache_seconds: float
    ) -> list[Rotation]:
        asked.extend((uri, tuple(readers), cache_seconds))
        return [Rotation(reader, (1,), 2, 7) for reader in readers]

    monkeypatch.setattr(rotation_job, "KekVaultKeeper", keeper)
    monkeypatch.setattr(rotation_job, "rotate_all", rotate_all)
    done = CliRunner().invoke(rotation_job.app, env=TOLD)
    assert done.exit_code == 0, done.output
    vault = VaultAddress("https://vault.example.kz", Path("/vault/token"), "own", Path("/vault-ca/ca.crt"))
    readers = tuple(load_policy().readers)
    assert asked == [vault, TOLD["SEALED_ADMIN_MONGODB_URI"], readers, 30.0]
    assert [line.split(":")[0] for line in done.output.splitlines()] == list(readers)


def test_keys_that_are_files_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rotation_job, "rotate_all", None)
    done = CliRunner().invoke(rotation_job.app, env={**TOLD, "SEALED_KEK": "files"})
    assert done.exit_code == 2
    assert "SEALED_KEK=vault" in done.output
