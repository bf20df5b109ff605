"""The controller's mailbox is a real IMAP server, over what the mail receiver delivers."""

import asyncio
import sys
from collections.abc import AsyncIterator
from email.message import EmailMessage
from pathlib import Path

import aiosmtplib
import httpx
import pytest
from imap_tools import MailBoxUnencrypted

from deploy.local.layout import ROOT, Layout
from deploy.local.outside.mailbox import mailbox_part
from deploy.local.outside.parts import outside_parts
from deploy.local.part import PartMissing
from deploy.local.ports import choose_ports
from deploy.local.stack import local_stack
from deploy.local.supervisor import Supervisor
from tests.integration.a_mailbox import ADDRESS, PASSWORD, needs_dovecot

pytestmark = [pytest.mark.integration, needs_dovecot]


class Post:
    """A mail receiver and the mailbox it delivers into."""

    def __init__(self, var: Path) -> None:
        self.layout = Layout.at(var)
        self.layout.make()
        self.ports = choose_ports(("mail", "sms", "partner", "mailbox"), self.layout.run / "ports.json")
        part = mailbox_part(self.layout, self.ports["mailbox"], ADDRESS, PASSWORD)
        sink = outside_parts(self.layout, self.ports, ADDRESS)[0]
        self.mailbox, self.sink = (Supervisor(p, working_dir=ROOT, log_dir=self.layout.log) for p in (part, sink))

    async def send(self, message_id: str, *to: str) -> None:
        mail = EmailMessage()
        mail["From"], mail["To"], mail["Message-ID"] = "aigul@example.com", ", ".join(to), message_id
        mail.set_content("Сәлеметсіз бе!")
        await aiosmtplib.send(mail, hostname="127.0.0.1", port=self.ports["mail"], start_tls=False)

    def ids(self) -> list[str]:
        with MailBoxUnencrypted("127.0.0.1", self.ports["mailbox"], timeout=10).login(ADDRESS, PASSWORD) as box:
            return sorted(mail.obj["Message-ID"] for mail in box.fetch())


@pytest.fixture
async def post(tmp_path: Path) -> AsyncIterator[Post]:
    post = Post(tmp_path)
    await asyncio.gather(post.mailbox.start(), post.sink.start())
    yield post
    await asyncio.gather(post.mailbox.stop(), post.sink.stop())


async def test_mail_to_the_controller_is_in_its_mailbox_once_and_nowhere_else(post: Post) -> None:
    await post.send("<1@example.com>", ADDRESS)
    assert await asyncio.to_thread(post.ids) == ["<1@example.com>"]
    await post.send("<1@example.com>", ADDRESS.upper())  # seen by the server meanwhile, which has renamed its file
    await post.send("<2@example.com>", ADDRESS, "dana@example.com")
    assert await asyncio.to_thread(post.ids) == ["<1@example.com>", "<2@example.com>"]
    assert len(list(post.layout.mail_dir.iterdir())) == 1


async def test_mailbox_killed_comes_back_with_its_mails(post: Post) -> None:
    await post.send("<1@example.com>", ADDRESS)
    assert await asyncio.to_thread(post.ids)
    post.mailbox.kill()
    await post.mailbox.wait_ready()
    assert await asyncio.to_thread(post.ids) == ["<1@example.com>"]


async def test_nothing_of_the_mailbox_runs_once_it_is_stopped(post: Post) -> None:
    group = post.mailbox.pid
    assert len(_members(group)) > 1
    await post.mailbox.stop()
    while _members(group):
        await asyncio.sleep(0.05)


LAUNCHER = """
import asyncio, sys
from pathlib import Path
from tests.integration.a_mailbox import RealMailbox

async def main():
    mailbox = RealMailbox(Path(sys.argv[1]))
    await mailbox.server.start()
    print(mailbox.server.pid, flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""


async def test_mailbox_does_not_outlive_a_killed_launcher_and_starts_again(tmp_path: Path) -> None:
    command = (sys.executable, "-c", LAUNCHER, str(tmp_path))
    for _ in range(2):
        launcher = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdout=asyncio.subprocess.PIPE)
        assert launcher.stdout is not None
        group = int(await launcher.stdout.readline())
        assert len(_members(group)) > 1
        launcher.kill()
        await launcher.wait()
        while _members(group):
            await asyncio.sleep(0.05)


async def test_without_its_server_the_stack_runs_with_the_mailbox_off_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.which", lambda *_, **__: None)
    said: list[tuple[str, str]] = []
    async with local_stack(tmp_path, services=("privacy",), report=lambda *line: said.append(line)) as stack:
        assert stack.info.outside.mailbox is None
        async with httpx.AsyncClient(base_url=stack.info.services["privacy"].url) as http:
            assert (await http.get("/console/mailbox")).status_code == 404
            assert (await http.get("/console/cases")).status_code == 303
    (off,) = [line for part, line in said if part == "mailbox"]
    assert off.startswith("off.")
    assert "apt install dovecot-imapd" in off


async def test_missing_server_is_named_with_its_remedy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda *_, **__: None)
    with pytest.raises(PartMissing, match="apt install dovecot-imapd"):
        mailbox_part(Layout.at(tmp_path), 1, ADDRESS, PASSWORD)


def _members(group: int) -> list[Path]:
    """Living processes of the group; one that nobody has waited for is no more than an entry."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, of_group = stat.read_text().rpartition(")")[2].split()[:3]
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(of_group) == group and state != "Z":
            found.append(stat)
    return found
