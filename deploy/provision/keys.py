"""The key folder of each service, as files: for development and tests. In production a KMS holds the KEKs."""

from pathlib import Path

from services.privacy.console import one_time_code
from shared.policy.model import Policy
from shared.sealing.kek_files import create_epoch, epochs_in
from shared.sealing.people_index import create_key
from shared.stores.receipts import create_signing_key


def provision(keys_root: Path, policy: Policy) -> None:
    """Make what is missing under `keys_root`/<service>. Epochs that a rotation has destroyed stay destroyed."""
    for reader in policy.readers:
        for epoch in epochs_in(keys_root / reader / "kek") or [1]:
            create_epoch(keys_root, reader, epoch)
    for service in policy.erasing_stores:
        create_signing_key(keys_root, service)
    create_key(keys_root)
    one_time_code.create_key(keys_root / "privacy")
