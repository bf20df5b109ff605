"""Seal the fields one reader may see, and open them again.

An envelope is AES-256-GCM ciphertext (Tink) over a JSON object of policy field names to values, padded to
64-byte steps so that its length says little about a name. Its associated data binds event, type, subject and
reader: an envelope moved to another of any of these does not open (RFC 5116).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic_core import from_json, to_json
from tink import TinkError
from tink.aead import Aead

PADDING_STEP = 64


class EnvelopeNotAuthentic(Exception):
    """The envelope was changed, or belongs to another event, subject or reader, or its key is another's."""

    def __init__(self) -> None:
        super().__init__(
            "The envelope does not open: it was altered or moved, or sealed under another key. "
            "Keep the raw message as a dead letter and ask its publisher."
        )


@dataclass(frozen=True, slots=True)
class Binding:
    """What an envelope belongs to; a part of its authentication, never encrypted."""

    event_id: str
    event_type: str
    subject_id: str
    reader: str

    def associated_data(self) -> bytes:
        """The four parts, each preceded by its length in two bytes, so that no two bindings coincide."""
        parts = (self.event_id, self.event_type, self.subject_id, self.reader)
        return b"".join(len(raw).to_bytes(2, "big") + raw for raw in (part.encode() for part in parts))


def seal(fields: Mapping[str, Any], binding: Binding, key: Aead) -> bytes:
    """The envelope of these fields. JSON readers ignore trailing spaces, so spaces are the padding."""
    plaintext = to_json(dict(fields))
    padded = plaintext.ljust(-(-len(plaintext) // PADDING_STEP) * PADDING_STEP)
    envelope: bytes = key.encrypt(padded, binding.associated_data())
    return envelope


def unseal(envelope: bytes, binding: Binding, key: Aead) -> dict[str, Any]:
    """Every field in the envelope. Raises EnvelopeNotAuthentic. Acts call `Opener.open`, which asks the policy."""
    try:
        plaintext = key.decrypt(envelope, binding.associated_data())
    except TinkError:
        raise EnvelopeNotAuthentic from None
    fields: dict[str, Any] = from_json(plaintext)
    return fields
