"""Each mail in the controller's mailbox becomes exactly one application, whatever it is and whatever happens meanwhile.

The mailbox is a real Dovecot."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.policy import SMTP
from pathlib import Path

import pytest
import structlog
from bson import BSON

from services.privacy.mailbox.application import Application
from services.privacy.mailbox.application_store import COLLECTION, ApplicationStore
from services.privacy.mailbox.imap_mailbox import HEAD_BYTES, SHOWN_BYTES, Arrived, ImapMailbox, MailboxAway
from services.privacy.mailbox.read_mail import Mail
from services.privacy.mailbox.take_applications import AT_ONCE, ApplicationIntake
from shared.sealing.people_index import PeopleIndex, create_key
from shared.stores.mongo import Database
from tests.integration.a_mailbox import RealMailbox, a_mail, needs_dovecot

pytestmark = [pytest.mark.integration, needs_dovecot]
NOW = datetime.now(UTC)
SUBJECT, REGISTERED = "5" * 32, "dana@example.kz"
TakeAll = Callable[[], Awaitable[list[Application]]]
MONTH_AGO = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


@pytest.fixture
async def mailbox(tmp_path: Path) -> AsyncIterator[RealMailbox]:
    mailbox = RealMailbox(tmp_path)
    await mailbox.server.start()
    yield mailbox
    await mailbox.server.stop()


@pytest.fixture
async def applications(database: Database) -> ApplicationStore:
    store = ApplicationStore(database)
    await store.ensure_indexes()
    return store


@pytest.fixture
def intake(mailbox: RealMailbox, applications: ApplicationStore, tmp_path: Path) -> ApplicationIntake:
    create_key(tmp_path)
    return ApplicationIntake(mailbox.imap, applications, PeopleIndex.from_folder(tmp_path / "privacy"), Addresses())


class Addresses:
    """One is registered."""

    async def subject_of(self, mail: Mail | None) -> str | None:
        return SUBJECT if mail and mail.sender == REGISTERED else None


@pytest.fixture
def take_all(intake: ApplicationIntake, applications: ApplicationStore) -> TakeAll:
    async def take_all() -> list[Application]:
        while await intake.take_new(NOW):
            pass
        return await applications.newest(1_000)

    return take_all


async def test_application_is_dated_at_its_receipt_by_the_server(mailbox: RealMailbox, take_all: TakeAll) -> None:
    mailbox.receive(a_mail(Date="Mon, 1 Jan 2001 00:00:00 +0000"), at=MONTH_AGO)
    (application,) = await take_all()
    assert (application.received_at, application.language, application.state) == (MONTH_AGO, "ru", "new")


async def test_reading_leaves_a_mail_unseen_and_takes_no_more_of_it_than_is_shown(mailbox: RealMailbox) -> None:
    """The mailbox is people's too: what they have not opened stays unopened. A Maildir has S for seen in the name."""
    whole = a_mail("Прошу. " * (SHOWN_BYTES // 8)).as_bytes(policy=SMTP)
    mailbox.receive(whole)
    arrived = await mailbox.imap.arrived(lambda _: 0, 10)
    (head,) = arrived.mails
    shown = await mailbox.imap.read(arrived.validity, head.uid)
    assert shown is not None
    assert len(head.content) == HEAD_BYTES
    assert len(shown.content) == SHOWN_BYTES < head.size == shown.size
    names = [path.name for folder in ("new", "cur") for path in (mailbox.layout.mailbox_dir / folder).iterdir()]
    assert len(names) == 1
    assert "S" not in names[0].partition(":2,")[2]


async def test_receipt_that_is_yet_to_come_counts_as_now(mailbox: RealMailbox, take_all: TakeAll) -> None:
    mailbox.receive(a_mail(), at=NOW + timedelta(days=400))
    (application,) = await take_all()
    assert abs(application.received_at - NOW) < timedelta(milliseconds=1)


async def test_mail_read_again_and_by_two_replicas_is_one_application(
    mailbox: RealMailbox, intake: ApplicationIntake, take_all: TakeAll
) -> None:
    for _ in range(AT_ONCE + 5):
        mailbox.receive(a_mail())
    first = await take_all()
    await asyncio.gather(*(intake.take_new(NOW) for _ in range(4)))
    assert len(first) == AT_ONCE + 5
    assert await take_all() == first


async def test_crash_between_reading_and_storing_loses_nothing(
    mailbox: RealMailbox, applications: ApplicationStore, take_all: TakeAll, intake: ApplicationIntake, tmp_path: Path
) -> None:
    for _ in range(3):
        mailbox.receive(a_mail())
    index = PeopleIndex.from_folder(tmp_path / "privacy")
    await ApplicationIntake(Stingy(mailbox.imap), applications, index, Addresses()).take_new(NOW)
    assert len(await applications.newest(10)) == 1
    assert len(await take_all()) == 3


async def test_mailbox_numbered_anew_brings_no_application_twice(mailbox: RealMailbox, take_all: TakeAll) -> None:
    mailbox.receive(a_mail("первое"), at=MONTH_AGO)
    mailbox.receive(a_mail("второе"), at=MONTH_AGO)
    before = await take_all()
    await mailbox.renumber()
    mailbox.receive(a_mail("третье"), at=MONTH_AGO)
    after = await take_all()
    assert len(after) == 3
    assert {a.application_id for a in before} < {a.application_id for a in after}
    assert {a.validity for a in after}.isdisjoint(a.validity for a in before)
    for application in after:
        assert await mailbox.imap.read(application.validity, application.uids[0])
    for application in before:
        assert await mailbox.imap.read(application.validity, application.uids[0]) is None
        assert not await mailbox.imap.delete(application.validity, application.uids)
    assert len(mailbox.contents()) == 3


async def test_mail_delivered_twice_is_one_application_in_two_places(mailbox: RealMailbox, take_all: TakeAll) -> None:
    mail = a_mail().as_bytes()
    mailbox.receive(mail, at=MONTH_AGO)
    mailbox.receive(mail, at=MONTH_AGO)
    (application,) = await take_all()
    assert len(application.uids) == 2
    assert await mailbox.imap.delete(application.validity, application.uids)
    assert await mailbox.imap.delete(application.validity, application.uids)  # gone already is deleted
    assert mailbox.contents() == []


async def test_server_away_for_a_while_holds_nothing_back(mailbox: RealMailbox, take_all: TakeAll) -> None:
    mailbox.receive(a_mail())
    await mailbox.server.stop()
    with pytest.raises(MailboxAway):
        await take_all()
    mailbox.receive(a_mail())
    await mailbox.server.start()
    assert len(await take_all()) == 2


async def test_server_killed_while_many_look_is_asked_again(
    mailbox: RealMailbox, intake: ApplicationIntake, take_all: TakeAll
) -> None:
    for _ in range(AT_ONCE):
        mailbox.receive(a_mail("x" * 60_000))
    looking = [asyncio.create_task(intake.take_new(NOW)) for _ in range(4)]
    await asyncio.sleep(0.02)
    mailbox.server.kill()
    await asyncio.gather(*looking, return_exceptions=True)
    await mailbox.server.wait_ready()
    assert len(await take_all()) == AT_ONCE


async def test_refused_sign_in_is_a_passing_fault(mailbox: RealMailbox) -> None:
    mailbox.imap.address.password_file.write_text("another")
    with pytest.raises(MailboxAway) as away:
        await mailbox.imap.read(1, 1)
    assert away.value.__suppress_context__


async def test_application_from_a_registered_address_is_its_persons(mailbox: RealMailbox, take_all: TakeAll) -> None:
    mailbox.receive(a_mail(sender=f"Somebody <{REGISTERED}>"), at=MONTH_AGO)
    mailbox.receive(a_mail(sender=REGISTERED, Auto_Submitted="auto-replied"))
    theirs, automatic = await take_all()
    assert (theirs.state, theirs.subject_id, theirs.is_proven) == ("matched", SUBJECT, True)
    assert (automatic.state, automatic.subject_id, automatic.is_proven) == ("new", None, False)


@pytest.mark.parametrize("way", ["implicit", "starttls"])
async def test_password_goes_to_a_server_that_proves_itself_alone(tmp_path: Path, way: str) -> None:
    mailbox = RealMailbox(tmp_path)
    implicit = mailbox.with_tls(tmp_path)
    starttls = replace(implicit, port=mailbox.imap.address.port, tls="starttls")
    address = implicit if way == "implicit" else starttls
    await mailbox.server.start()
    try:
        mailbox.receive(a_mail())
        assert len((await ImapMailbox(address).arrived(lambda _: 0, 10)).mails) == 1
        for stranger in (replace(address, ca_file=None), replace(address, host="localhost")):
            with pytest.raises(MailboxAway):
                await ImapMailbox(stranger).arrived(lambda _: 0, 10)
    finally:
        await mailbox.server.stop()


GARBAGE: list[bytes] = [
    b"",
    b"\n\n\n",
    b"not a mail at all \xff\xfe\x00",
    b"From: \xff\xfe\nSubject: =?utf-8?b?!!!?=\n\n\xd0",
    b"Subject: no sender\n\nx",
    b"Content-Type: text/plain; charset=no-such-charset\n\n\xd0\x9f",
    b"Content-Type: text/html\n\n<p><script>",
    b"Content-Type: multipart/mixed; boundary=b\n\n--b\n",
    b"Auto-Submitted: auto-replied\nFrom: a@example.kz\n\nOut of office",
    b"Return-Path: <>\nContent-Type: multipart/report; boundary=b\n\n--b--\n",
    b"From: a@example.kz\nSubject: " + b"a" * 200_000 + b"\n\nx",
    b"From: a@example.kz\n\n" + b"huge " * 4_000_000,
    b"".join(b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (n, n) for n in range(500)),
]


async def test_no_mail_stops_the_queue(mailbox: RealMailbox, take_all: TakeAll) -> None:
    for garbage in GARBAGE:
        mailbox.receive(garbage)
    mailbox.receive(a_mail("Менің дербес деректерімді өңдеуді тоқтатыңыз."))
    taken = await take_all()
    assert len(taken) == len(GARBAGE) + 1
    assert {application.language for application in taken} >= {"kk"}
    assert sum(application.automatic for application in taken) == 2


async def test_answer_to_a_reply_of_ours_names_what_it_follows(mailbox: RealMailbox, take_all: TakeAll) -> None:
    ours = f"<application-{'a' * 32}-proof_wanted@exl.kz>"
    mailbox.receive(a_mail(In_Reply_To="<1@example.kz>", References=f"<1@example.kz> {ours}"))
    (application,) = await take_all()
    assert application.follows == "a" * 32


@pytest.mark.canary
async def test_nothing_of_a_mail_is_stored_or_logged(
    mailbox: RealMailbox, intake: ApplicationIntake, take_all: TakeAll, database: Database
) -> None:
    words = ("sender-7@example.kz", "Subjectword", "Textword", "message-7@example.kz")
    mailbox.receive(f"From: {words[0]}\nSubject: {words[1]}\nMessage-ID: <{words[3]}>\n\n{words[2]} 8812345".encode())
    with structlog.testing.capture_logs() as logs:
        assert len(await take_all()) == 1
        await mailbox.server.stop()
        with pytest.raises(MailboxAway) as away:
            await intake.take_new(NOW)
    stored = b"".join([BSON.encode(document) async for document in database[COLLECTION].find()])
    assert b"received_at" in stored
    assert [log["event"] for log in logs] == ["applications_taken"]
    for word in words:
        assert word.encode() in b"".join(mailbox.contents())
        assert word.encode() not in stored
        assert word not in f"{logs} {away.value!r} {away.value}"


class Stingy:
    """Gives one mail and no more, as a crash would leave it."""

    def __init__(self, imap: ImapMailbox) -> None:
        self._imap = imap

    async def arrived(self, known: Callable[[int], int], most: int) -> Arrived:
        arrived = await self._imap.arrived(known, most)
        return Arrived(arrived.validity, arrived.mails[:1])
