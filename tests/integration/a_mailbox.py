"""The controller's mailbox: a real Dovecot, and the mails in it."""

import itertools
import os
import re
import shutil
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from email.policy import SMTP, SMTPUTF8
from ipaddress import ip_address
from pathlib import Path
from typing import Final

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from deploy.local.layout import ROOT, Layout
from deploy.local.outside.mailbox import mailbox_part
from deploy.local.ports import choose_ports
from deploy.local.supervisor import Supervisor
from services.privacy.mailbox.imap_mailbox import ImapAddress, ImapMailbox
from shared.sealing.kek_files import write_secret

ADDRESS: Final = "info@exl.kz"
PASSWORD: Final = "a-password"
_NUMBERS: Final = itertools.count(1)
HAS_DOVECOT: Final = shutil.which("dovecot", path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin") is not None
# With CI=true nothing is skipped: the test then fails for the lack of it.
needs_dovecot = pytest.mark.skipif(
    not HAS_DOVECOT and os.environ.get("CI") != "true", reason="Dovecot is missing: apt install dovecot-imapd"
)


class RealMailbox:
    """A Dovecot of its own, and what the service has to reach it."""

    def __init__(self, var: Path) -> None:
        self.layout = Layout.at(var)
        self.layout.make()
        (port,) = choose_ports(("mailbox",), self.layout.run / "ports.json").values()
        password_file = self.layout.secrets / "mailbox.password"
        write_secret(password_file, PASSWORD)
        self.server = Supervisor(
            mailbox_part(self.layout, port, ADDRESS, PASSWORD), working_dir=ROOT, log_dir=self.layout.log
        )
        self.imap = ImapMailbox(ImapAddress("127.0.0.1", port, ADDRESS, password_file, tls="none"))

    def with_tls(self, folder: Path) -> ImapAddress:
        """Before it starts: it then speaks TLS from the first byte on a second port, and on the first by STARTTLS.
        Returns the address of the second one."""
        certificate, key = a_certificate(folder)
        (port,) = choose_ports(("imaps",), self.layout.run / "ports.json").values()
        config = self.layout.run / "dovecot.conf"
        text = config.read_text().replace("ssl = no", f"ssl = yes\nssl_cert = <{certificate}\nssl_key = <{key}")
        write_secret(config, text.replace("port = 0", f"port = {port}\n    ssl = yes"))
        return replace(self.imap.address, port=port, tls="implicit", ca_file=certificate)

    def receive(self, mail: EmailMessage | bytes, at: datetime | None = None) -> Path:
        """As the mail server delivers it. `at`: when the server says it did."""
        name = f"{time.time_ns()}.{next(_NUMBERS)}.example"
        waiting = self.layout.mailbox_dir / "tmp" / name
        waiting.write_bytes(mail if isinstance(mail, bytes) else mail.as_bytes(policy=SMTP))
        waiting.chmod(0o644)
        if at is not None:
            os.utime(waiting, (at.timestamp(), at.timestamp()))
        return waiting.rename(self.layout.mailbox_dir / "new" / name)

    def contents(self) -> list[bytes]:
        folders = (self.layout.mailbox_dir / folder for folder in ("new", "cur"))
        return [path.read_bytes() for folder in folders for path in folder.iterdir()]

    async def renumber(self) -> None:
        """As after a move to another server: the numbers begin anew, under another UIDVALIDITY."""
        await self.server.stop()
        numbers = self.layout.mailbox_dir / "dovecot-uidlist"
        head, *_ = numbers.read_text().splitlines()
        validity = re.search(r"V(\d+)", head)
        assert validity
        for path in self.layout.mailbox_dir.glob("dovecot*"):
            path.unlink()
        numbers.write_text(f"3 V{int(validity[1]) + 1} N1\n")
        numbers.chmod(0o666)
        await self.server.start()


def a_certificate(folder: Path) -> tuple[Path, Path]:
    """Of a server at 127.0.0.1, signed by itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "mailbox")])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, now - timedelta(days=1), now + timedelta(days=1))
    builder = builder.add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), False)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
    certificate_file, key_file = folder / "certificate.pem", folder / "key.pem"
    certificate_file.write_bytes(builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    pkcs8, plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    write_secret(key_file, key.private_bytes(serialization.Encoding.PEM, pkcs8, plain).decode())
    return certificate_file, key_file


def a_mail(
    text: str = "Прошу прекратить обработку моих персональных данных.",
    *,
    sender: str | None = "aigul@example.kz",
    subject: str = "Заявление",
    **headers: str,
) -> EmailMessage:
    mail = EmailMessage(policy=SMTPUTF8)
    if sender:
        mail["From"] = sender
    mail["To"], mail["Subject"] = ADDRESS, subject
    mail["Message-ID"] = f"<{next(_NUMBERS)}@example.kz>"
    for name, value in headers.items():
        mail[name.replace("_", "-")] = value
    mail.set_content(text)
    return mail
