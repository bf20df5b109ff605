"""The controller's mailbox: a real Dovecot, and the mails in it."""

import os
import shutil
from typing import Final

import pytest

ADDRESS: Final = "info@exl.kz"
PASSWORD: Final = "a-password"
HAS_DOVECOT: Final = shutil.which("dovecot", path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin") is not None
# With CI=true nothing is skipped: the test then fails for the lack of it.
needs_dovecot = pytest.mark.skipif(
    not HAS_DOVECOT and os.environ.get("CI") != "true", reason="Dovecot is missing: apt install dovecot-imapd"
)
