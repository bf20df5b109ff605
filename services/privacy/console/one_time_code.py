"""One-time codes by time (TOTP, RFC 6238): six digits every 30 seconds, from a secret sealed at rest.

The secret is sealed with Tink's AEAD under a key in the service's key folder, bound to its account: a copy of MongoDB
alone makes no code.
"""

import io
from datetime import datetime
from pathlib import Path
from typing import Final

import pyotp
import segno
import tink
from tink import TinkError, aead, json_proto_keyset_format, secret_key_access

from shared.sealing.kek_files import write_secret

aead.register()
FILE: Final = "console.json"
STEP_SECONDS: Final = 30
DRIFT_STEPS: Final = 1  # a phone's clock may be off by as much


class SecretUnreadable(Exception):
    def __init__(self) -> None:
        super().__init__(
            f"The account's one-time secret does not open with the key in {FILE}: the key was lost or replaced. "
            "Give the account a new secret: 'sealed officer reset NAME'."
        )


class OneTimeSecrets:
    """Makes, seals and reads the secrets; holds the key."""

    def __init__(self, keyset_json: str) -> None:
        handle = json_proto_keyset_format.parse(keyset_json, secret_key_access.TOKEN)
        self._aead = handle.primitive(aead.Aead)

    def __repr__(self) -> str:
        return "OneTimeSecrets()"

    @classmethod
    def from_folder(cls, folder: Path) -> "OneTimeSecrets":
        return cls((folder / FILE).read_text())

    def new(self, account_id: str) -> bytes:
        """A sealed secret of 160 bits."""
        sealed: bytes = self._aead.encrypt(pyotp.random_base32().encode(), account_id.encode())
        return sealed

    def step_of(self, code: str, sealed: bytes, account_id: str, now: datetime) -> int | None:
        """The time step whose code this is; None where it is none of about now. A step is to be used once.

        Raises SecretUnreadable."""
        totp = pyotp.TOTP(self._open(sealed, account_id))
        current = int(now.timestamp()) // STEP_SECONDS
        steps = range(current - DRIFT_STEPS, current + DRIFT_STEPS + 1)
        fitting = [step for step in steps if pyotp.utils.strings_equal(totp.generate_otp(step), code)]
        return max(fitting, default=None)

    def present_code(self, sealed: bytes, account_id: str, now: datetime) -> str:
        """Raises SecretUnreadable."""
        return pyotp.TOTP(self._open(sealed, account_id)).at(now)

    def picture(self, sealed: bytes, account_id: str, name: str) -> tuple[str, str]:
        """What an authenticator app takes: an SVG of the QR code without a style of its own, and the secret as text.

        Raises SecretUnreadable."""
        secret = self._open(sealed, account_id)
        svg = io.BytesIO()
        segno.make(
            pyotp.TOTP(secret).provisioning_uri(name=name, issuer_name="Sealed Orders"), error="m", micro=False
        ).save(svg, kind="svg", xmldecl=False, svgns=False, omitsize=True, svgclass="qr", lineclass=None, light="#fff")
        return svg.getvalue().decode(), secret

    def _open(self, sealed: bytes, account_id: str) -> str:
        try:
            return bytes(self._aead.decrypt(sealed, account_id.encode())).decode()
        except TinkError:
            raise SecretUnreadable from None


def create_key(folder: Path) -> None:
    """Make the key once, in the privacy service's folder. Idempotent."""
    if not (folder / FILE).exists():
        handle = tink.new_keyset_handle(aead.aead_key_templates.AES256_GCM)
        write_secret(folder / FILE, json_proto_keyset_format.serialize(handle, secret_key_access.TOKEN))
