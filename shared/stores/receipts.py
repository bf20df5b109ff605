"""Sign what a store asserts, and verify it with the public key alone: Ed25519 (RFC 8032) over RFC 8785 JSON.

Layout under a keys root: `<service>/signing.json` (private, that service only), `public/<service>.json` (for
anybody) and `privacy/verify/<service>.json` (what the privacy service checks receipts with). Keys are JWKs
(RFC 8037), so that any tool can verify.
"""

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from shared.sealing.kek_files import write_secret

VERIFIER = "privacy"
THUMBPRINT = 16  # base64url digits of RFC 7638's in a key id


@dataclass(frozen=True, slots=True)
class Signer:
    """A service's signing key. Prints the key's id only."""

    key_id: str
    _private: Ed25519PrivateKey = field(repr=False)

    @classmethod
    def from_folder(cls, folder: Path) -> "Signer":
        jwk = json.loads((folder / "signing.json").read_text())
        return cls(jwk["kid"], Ed25519PrivateKey.from_private_bytes(_decode(jwk["d"])))

    def sign(self, statement: Mapping[str, Any]) -> dict[str, str]:
        """The `signature` member of a signed JSON object: key id and base64 of 64 bytes."""
        value = self._private.sign(canonical(statement))
        return {"key_id": self.key_id, "value": base64.b64encode(value).decode()}


class PublicKeys:
    """Public halves by key id."""

    def __init__(self, jwks: Mapping[str, Mapping[str, str]]) -> None:
        self._keys = {kid: Ed25519PublicKey.from_public_bytes(_decode(jwk["x"])) for kid, jwk in jwks.items()}

    @classmethod
    def from_folder(cls, folder: Path) -> "PublicKeys":
        jwks = [json.loads(path.read_text()) for path in sorted(folder.glob("*.json"))]
        return cls({jwk["kid"]: jwk for jwk in jwks})

    def verify(self, statement: Mapping[str, Any], *, by: str) -> bool:
        """Whether `statement["signature"]` is that of service `by` over the rest of it. Key ids are
        `<service>-<thumbprint>`, so one service can't sign in another's name."""
        signature = statement.get("signature")
        if not isinstance(signature, Mapping) or set(signature) != {"key_id", "value"}:
            return False
        key_id, value = signature["key_id"], signature["value"]
        if not isinstance(key_id, str) or not isinstance(value, str) or key_id[:-THUMBPRINT] != f"{by}-":
            return False
        key = self._keys.get(key_id)
        if key is None:
            return False
        unsigned = {name: part for name, part in statement.items() if name != "signature"}
        try:
            raw = base64.b64decode(value, validate=True)
            key.verify(raw, canonical(unsigned))
        except (InvalidSignature, TypeError, ValueError):  # orjson's error for what is no JSON is a TypeError
            return False
        return base64.b64encode(raw).decode() == value  # base64 has several spellings of the same bytes


def canonical(statement: Mapping[str, Any]) -> bytes:
    """RFC 8785 bytes of a JSON object whose keys are ASCII and whose numbers are integers, as all signed ones here.

    For these orjson's sorted output is the canonical form, at a hundredth of the pure-Python library's time; a test
    holds it against that library."""
    return orjson.dumps(dict(statement), option=orjson.OPT_SORT_KEYS)


def create_signing_key(keys_root: Path, service: str) -> None:
    """Make the service's key pair and hand out its public half. Idempotent."""
    private_path = keys_root / service / "signing.json"
    if private_path.exists():
        jwk = json.loads(private_path.read_text())
    else:
        private = Ed25519PrivateKey.generate()
        x = _encode(private.public_key().public_bytes_raw())
        thumbprint = hashlib.sha256(canonical({"crv": "Ed25519", "kty": "OKP", "x": x})).digest()
        jwk = {
            "kty": "OKP",
            "crv": "Ed25519",
            "kid": f"{service}-{_encode(thumbprint)[:THUMBPRINT]}",
            "x": x,
            "d": _encode(private.private_bytes_raw()),
        }
        write_secret(private_path, json.dumps(jwk))
    public = json.dumps({name: value for name, value in jwk.items() if name != "d"}, indent=1)
    write_secret(keys_root / "public" / f"{service}.json", public)
    write_secret(keys_root / VERIFIER / "verify" / f"{service}.json", public)


def _encode(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _decode(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
