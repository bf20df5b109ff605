"""The controller's mailbox: Dovecot, a real IMAP server, over a Maildir that the mail receiver delivers into.

Dovecot is Debian's `dovecot-imapd`, which `make test` installs as root. Where it is missing the stack runs without it.
It never lets root read mail. Started by root it therefore runs as `nobody`, with the one capability that lets it into
the folders of the stack, which are root's alone; started by anybody else it runs as them.
"""

import getpass
import grp
import os
import pwd
import shutil
from pathlib import Path
from typing import Final

from deploy.local.environment import child_environment
from deploy.local.layout import Layout
from deploy.local.part import Part, PartMissing
from deploy.local.readiness import imap_ready
from shared.sealing.kek_files import write_secret

NAME: Final = "mailbox"
_NOBODY = "nobody"
_CAPABILITIES = "-all,+dac_override,+fowner"
_LONGEST_SOCKET_FOLDER = 80  # a Unix socket's name has 107 bytes at most, and Dovecot adds its own to the folder's
_REMEDY = "Debian, Ubuntu: `apt install dovecot-imapd`, which `make test` does by itself as root."


def mailbox_part(layout: Layout, port: int, user: str, password: str) -> Part:
    """Raises PartMissing."""
    program = _program()
    sockets = layout.run / "dovecot"
    if len(os.fsencode(sockets)) > _LONGEST_SOCKET_FOLDER:
        raise PartMissing("The mailbox", f"Its sockets need a shorter path than {sockets}: set SEALED_VAR to one.")
    for folder in ("tmp", "new", "cur"):
        (layout.mailbox_dir / folder).mkdir(parents=True, exist_ok=True)
    # One stack alone uses this folder. A killed one leaves the number of a process that may be another's by now.
    (sockets / "master.pid").unlink(missing_ok=True)
    as_root = os.geteuid() == 0
    account = pwd.getpwnam(_NOBODY if as_root else getpass.getuser())
    config = layout.run / "dovecot.conf"
    write_secret(config, _config(layout, sockets, port, account, user, password))
    return Part(
        NAME,
        (*(_without_root(account) if as_root else ()), program, "-F", "-c", str(config)),
        child_environment(),
        imap_ready(port),
        stop_seconds=5,
    )


def _config(layout: Layout, sockets: Path, port: int, account: pwd.struct_passwd, user: str, password: str) -> str:
    """No TLS on loopback; no chroot, which would need root. Errors are logged, and not each time somebody looks."""
    return f"""
protocols = imap
listen = 127.0.0.1
base_dir = {sockets}
state_dir = {sockets}
instance_name = sealed-orders
log_path = /dev/stderr
info_log_path = /dev/null
ssl = no
disable_plaintext_auth = no
default_internal_user = {account.pw_name}
default_login_user = {account.pw_name}
default_internal_group = {grp.getgrgid(account.pw_gid).gr_name}
first_valid_uid = {account.pw_uid}
mail_location = maildir:{layout.mailbox_dir}
mail_home = {layout.mailbox_dir}
service anvil {{
  chroot =
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
passdb {{
  driver = static
  args = user={user} password={password}
}}
userdb {{
  driver = static
  args = uid={account.pw_uid} gid={account.pw_gid}
}}
"""


def _without_root(account: pwd.struct_passwd) -> tuple[str, ...]:
    """A change of user takes back the kernel's promise to end the child with the launcher: it is asked for again."""
    return (
        "setpriv",
        *(f"--reuid={account.pw_uid}", f"--regid={account.pw_gid}", "--clear-groups"),
        *("--securebits=+no_setuid_fixup", f"--bounding-set={_CAPABILITIES}"),
        *(f"--inh-caps={_CAPABILITIES}", f"--ambient-caps={_CAPABILITIES}", "--pdeathsig=KILL"),
    )


def _program() -> str:
    """Debian has it in /usr/sbin, which is not on everybody's PATH."""
    found = shutil.which("dovecot", path=f"{os.environ.get('PATH', os.defpath)}{os.pathsep}/usr/sbin")
    if found is None:
        raise PartMissing("The mailbox's server, Dovecot,", _REMEDY)
    return found
