"""Blind index: find a person by phone or e-mail without storing either.

A keyed pseudo-random function (Tink PRF, HMAC-SHA-256) of the normalised value. The key stays outside MongoDB and
its backups; the entries are erased with the subject. It is an index, not depersonalisation: phone numbers are few
enough to be tried, for whoever has the key.
"""

from pathlib import Path
from typing import Literal

import tink
from tink import json_proto_keyset_format, prf, secret_key_access

from shared.sealing.kek_files import write_secret

prf.register()
HOLDERS = ("intake", "privacy")


class PeopleIndex:
    """Computes index entries; holds the key."""

    def __init__(self, keyset_json: str) -> None:
        handle = json_proto_keyset_format.parse(keyset_json, secret_key_access.TOKEN)
        self._prf = handle.primitive(prf.PrfSet).primary()

    def __repr__(self) -> str:
        return "PeopleIndex()"

    @classmethod
    def from_folder(cls, folder: Path) -> "PeopleIndex":
        return cls((folder / "lookup.json").read_text())

    def entry(self, kind: Literal["phone", "email", "idempotency", "request", "mail", "code"], value: str) -> str:
        """Hex of 16 bytes. `value` in its normal form: E.164 for a phone, lower-cased NFC for an e-mail.

        An idempotency key, the request sent under it, a mail: they may hold what a person typed, hence the same."""
        digest: bytes = self._prf.compute(f"{kind}\0{value}".encode(), 16)
        return digest.hex()


def create_key(keys_root: Path) -> None:
    """Make the index key once and hand it to the services that look people up. Idempotent."""
    paths = [keys_root / service / "lookup.json" for service in HOLDERS]
    existing = next((path.read_text() for path in paths if path.exists()), None)
    text = existing or json_proto_keyset_format.serialize(
        tink.new_keyset_handle(prf.prf_key_templates.HMAC_SHA256), secret_key_access.TOKEN
    )
    for path in paths:
        write_secret(path, text)
