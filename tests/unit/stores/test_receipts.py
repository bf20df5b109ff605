"""A statement is believed only as the named service signed it."""

import json
from pathlib import Path
from typing import Any

import pytest

from shared.stores.receipts import PublicKeys, Signer, create_signing_key

STATEMENT: dict[str, Any] = {"case_id": "c" * 32, "counts": {"residual": 0}, "names": ["Ақбөпе", None, True]}


@pytest.fixture
def keys_root(tmp_path: Path) -> Path:
    for service in ("intake", "delivery"):
        create_signing_key(tmp_path, service)
    return tmp_path


def signed(keys_root: Path, statement: dict[str, Any] = STATEMENT, by: str = "delivery") -> dict[str, Any]:
    return {**statement, "signature": Signer.from_folder(keys_root / by).sign(statement)}


def public(keys_root: Path) -> PublicKeys:
    return PublicKeys.from_folder(keys_root / "public")


def test_signed_statement_verifies_whatever_the_order_of_its_members(keys_root: Path) -> None:
    statement = dict(reversed(signed(keys_root).items()))
    assert public(keys_root).verify(statement, by="delivery")


def test_one_service_can_not_sign_in_anothers_name(keys_root: Path) -> None:
    assert not public(keys_root).verify(signed(keys_root, by="intake"), by="delivery")
    forged = signed(keys_root, by="intake")
    forged["signature"]["key_id"] = Signer.from_folder(keys_root / "delivery").key_id
    assert not public(keys_root).verify(forged, by="delivery")


def test_service_whose_name_begins_with_anothers_is_another(tmp_path: Path) -> None:
    create_signing_key(tmp_path, "delivery-2")
    statement = signed(tmp_path, by="delivery-2")
    assert public(tmp_path).verify(statement, by="delivery-2")
    assert not public(tmp_path).verify(statement, by="delivery")


def test_unknown_key_verifies_nothing(keys_root: Path) -> None:
    assert not PublicKeys({}).verify(signed(keys_root), by="delivery")


def test_unsigned_statement_does_not_verify(keys_root: Path) -> None:
    assert not public(keys_root).verify(STATEMENT, by="delivery")


@pytest.mark.parametrize("odd", [10**30, float("nan"), "\ud800", b"bytes", {1: 2}, object(), [[[]]], -0.0, 1.0])
def test_statement_with_anything_else_in_it_does_not_verify_and_does_not_crash(keys_root: Path, odd: Any) -> None:
    assert not public(keys_root).verify({**signed(keys_root), "counts": odd}, by="delivery")


def test_public_half_verifies_and_holds_no_private_part(keys_root: Path) -> None:
    for path in (keys_root / "public/delivery.json", keys_root / "privacy/verify/delivery.json"):
        jwk = json.loads(path.read_text())
        assert "d" not in jwk
        assert PublicKeys({jwk["kid"]: jwk}).verify(signed(keys_root), by="delivery")


def test_making_the_key_again_keeps_it(keys_root: Path) -> None:
    statement = signed(keys_root)
    create_signing_key(keys_root, "delivery")
    assert public(keys_root).verify(statement, by="delivery")
    assert signed(keys_root) == statement  # Ed25519 is deterministic
