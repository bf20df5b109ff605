"""Which provider of key-encryption keys a service has: its folder, or Vault."""

from pathlib import Path

from shared.sealing.kek_files import KekFiles
from shared.sealing.kek_vault import KekVault, VaultAddress


def kek_provider(reader: str, keys_dir: Path, vault: VaultAddress | None) -> KekFiles | KekVault:
    """`KekSealer` and `KekOpener` of the service that is this reader."""
    return KekFiles(keys_dir, reader) if vault is None else KekVault(vault, reader)
