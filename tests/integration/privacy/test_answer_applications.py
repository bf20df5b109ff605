"""From a written application to its answer: matched, proven, decided by two people, replied to, its mail deleted.

The mailbox is a real Dovecot, the stores a real MongoDB; a crash may come between any two steps.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, cast

import pytest
from bson import BSON
from fastapi import Request
from jinja2 import Environment, PackageLoader, StrictUndefined

from services.privacy.case import Case
from services.privacy.case_store import CaseStore
from services.privacy.console.app import open_case
from services.privacy.console.approvals import Approvals
from services.privacy.console.console_page import ConsolePage
from services.privacy.console.doors import Doors
from services.privacy.console.proposal import Decision
from services.privacy.console.proposal_store import ProposalStore
from services.privacy.console.record import Record
from services.privacy.console.roles import Staff
from services.privacy.console.search import NotSearchable, Search
from services.privacy.keyring_keeper import KeyringKeeper
from services.privacy.ledger import COLLECTION as LEDGER
from services.privacy.ledger import Ledger
from services.privacy.mailbox.app import Acts, build_mail_office
from services.privacy.mailbox.application import Application
from services.privacy.mailbox.application_cases import NotProven, ProposedAlready
from services.privacy.mailbox.application_steps import MovedMeanwhile
from services.privacy.mailbox.imap_mailbox import MailboxAway
from services.privacy.mailbox.mailbox_pages import Desk, MailboxPages
from services.privacy.mailbox.match_application import NobodyHeld, NotMatched
from services.privacy.mailbox.read_mail import Mail, read_mail
from services.privacy.mailbox.reply_store import ReplyStore
from services.privacy.order_store import OrderStore
from services.privacy.withdraw_consent import ConsentWithdrawals, Withdrawal
from shared.erasure.ask_stores import Inspections
from shared.http.problems import Problem
from shared.mail.smtp import Mailer, MailNotAccepted, MailServerAway
from shared.messaging.outbox import Outbox
from shared.messaging.worker import local_time
from shared.policy.load import load_policy
from shared.sealing.people_index import PeopleIndex, create_key
from shared.stores.mongo import Client, Database, in_transaction
from tests.integration.a_mailbox import ADDRESS, RealMailbox, a_mail, needs_dovecot
from tests.unit.privacy.a_case import a_case

pytestmark = [pytest.mark.integration, needs_dovecot]
NOW = datetime.now(UTC).replace(microsecond=0)
CAME = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
SUBJECT, REGISTERED = "5b" * 16, "dana@example.kz"
OFFICER, APPROVER = Staff("0f" * 16, "officer", "officer"), Staff("ab" * 16, "approver", "approver")
APPROVE, REFUSE = Decision("approved", "as_proposed"), Decision("refused", "identity_not_proven")
COUNTS = {"intake": {"orders": {"matched": 1, "destroyed": 0, "depersonalised": 1, "deferred": 0, "kept": 0}}}
TEMPLATES = Environment(loader=PackageLoader("services.privacy"), undefined=StrictUndefined, autoescape=False)


@dataclass
class Sent:
    """`Mailer`: what was sent, by Message-ID, as a receiver keeps it."""

    mails: dict[str, dict[str, Any]] = field(default_factory=dict)
    refusals: list[Exception] = field(default_factory=list)

    async def send(self, **mail: Any) -> None:
        if self.refusals:
            raise self.refusals.pop()
        self.mails[mail["message_id"]] = mail


@dataclass
class Keyring:
    """`KeyringKeeper`: one person, under one address and one phone."""

    entries: dict[str, str]

    async def find(self, entry: str) -> str | None:
        return self.entries.get(entry)


@dataclass
class Withdrawals:
    """`ConsentWithdrawals`: opens a case and does nothing about it."""

    client: Client
    cases: CaseStore

    async def withdraw(self, wanted: Withdrawal, now: datetime, case_id: str) -> Case:
        case = a_case(wanted.scope, case_id=case_id, subject_id=wanted.subject_id, received_at=wanted.received_at)
        await self.save(case)
        return case

    async def save(self, case: Case) -> None:
        await in_transaction(self.client, partial(self.cases.save, [case]))

    async def close(self, case_id: str) -> None:
        case = await self.cases.by_id(case_id)
        assert case is not None
        await self.save(case.model_copy(update={"state": "closed", "closed_at": NOW}))


class MailDesk:
    """The mailbox's side of the privacy service, over a real mailbox."""

    def __init__(self, mongo: Client, database: Database, mailbox: RealMailbox, keys: Path) -> None:
        create_key(keys)
        people = PeopleIndex.from_folder(keys / "privacy")
        keyring = cast(
            KeyringKeeper,
            Keyring({people.entry("email", REGISTERED): SUBJECT, people.entry("phone", "+77010000001"): SUBJECT}),
        )
        self.database, self.mailbox, self.sent = database, mailbox, Sent()
        self.cases = CaseStore(database)
        record = Record(mongo, Ledger(database), Outbox(database, None, service="privacy"))  # type: ignore[arg-type]
        self.withdrawals = Withdrawals(mongo, self.cases)
        withdrawals = cast(ConsentWithdrawals, self.withdrawals)
        proposals = ProposalStore(database)
        self.approvals = Approvals(proposals, record, {"withdrawal": partial(open_case, withdrawals)})
        search = Search(keyring, OrderStore(database), people, record)
        acts = Acts(search, self.approvals, withdrawals, cast(Inspections, None), self.cases)
        office = build_mail_office(
            mailbox.imap.address,
            timedelta(0),
            load_policy(),
            mongo,
            database,
            cast(Mailer, self.sent),
            TEMPLATES,
            acts,
            cast(ConsolePage, None),
            Doors(cast(Any, None)),
            local_time,
        )
        self.applications, self.replies = office.stores
        _, self.take, self.follow, self.reply, self.delete = office.acts
        self.pages = office.pages[0]
        self.desk: Desk = self.pages._desk

    async def received(self, **mail: Any) -> Application:
        self.mailbox.receive(a_mail(**mail), at=CAME)
        while await self.take(NOW):
            pass
        return max(await self.applications.newest(100), key=lambda application: application.uids)

    async def now(self, application: Application) -> Application:
        found = await self.applications.by_id(application.application_id)
        assert found is not None
        return found

    async def work(self, now: datetime = NOW) -> None:
        """All that waits for nobody."""
        await self.follow(now)
        await self.delete(now)
        while await self.reply(now):
            pass
        await self.delete(now)

    async def proposed(self, application: Application, now: datetime = NOW) -> str:
        proposal = await self.desk.cases.propose(
            application, OFFICER, now, language="ru", open_orders=(), foreseen=COUNTS
        )
        return proposal.proposal_id

    async def noted(self) -> list[str]:
        found = self.database[LEDGER].find({"what": {"$exists": True}}).sort("_id")
        return [entry["what"] async for entry in found]


def raw(sender: str) -> bytes:
    return a_mail(sender=sender).as_bytes()


def mail_of(sender: str) -> Mail:
    return read_mail(raw(sender))


@pytest.fixture
async def mailbox(tmp_path: Path) -> AsyncIterator[RealMailbox]:
    mailbox = RealMailbox(tmp_path)
    await mailbox.server.start()
    yield mailbox
    await mailbox.server.stop()


@pytest.fixture
async def office(mongo: Client, database: Database, mailbox: RealMailbox, tmp_path: Path) -> MailDesk:
    office = MailDesk(mongo, database, mailbox, tmp_path)
    await office.applications.ensure_indexes()
    await office.replies.ensure_indexes()
    return office


async def test_application_from_the_registered_address_goes_from_the_mail_to_its_last_reply(office: MailDesk) -> None:
    application = await office.received(sender=REGISTERED, References="<0@example.kz>")
    proposal_id = await office.proposed(application)
    assert (await office.now(application)).state == "matched"
    await office.work()
    assert office.sent.mails == {}  # nobody is written to before an approver has decided

    await office.approvals.decide(proposal_id, APPROVE, APPROVER, NOW)
    await office.work()
    became = await office.now(application)
    assert (became.state, became.case_id) == ("case", proposal_id)
    case = await office.cases.by_id(proposal_id)
    assert case is not None
    assert case.received_at == CAME
    (reply,) = office.sent.mails.values()
    assert reply["to"] == REGISTERED
    assert reply["subject"] == "Ваше заявление зарегистрировано"
    assert "27.03.2026" in reply["body"]  # fifteen working days from its receipt
    assert reply["headers"]["References"].startswith("<0@example.kz> <")
    assert reply["headers"]["References"].endswith(reply["headers"]["In-Reply-To"])
    assert len(office.mailbox.contents()) == 1

    await office.withdrawals.close(proposal_id)
    await office.work()
    assert [mail["subject"] for mail in office.sent.mails.values()][1:] == ["Ваше заявление исполнено"]
    assert office.mailbox.contents() == []
    assert (await office.now(application)).deleted_at == NOW
    assert (await office.noted())[-1] == "application_mail_deleted"


async def test_stranger_is_asked_for_proof_and_their_answer_closes_with_the_case(office: MailDesk) -> None:
    application = await office.received(text="Менің деректерімді өшіріңіз, келісімімді қайтарамын")
    assert application.state == "new"
    await office.desk.matching.match(application, "phone", "8 701 000 00 01", mail_of("aigul@example.kz"), OFFICER, NOW)
    matched = await office.now(application)
    assert (matched.subject_id, matched.sender_known, matched.is_proven) == (SUBJECT, False, False)
    with pytest.raises(NotProven):
        await office.proposed(matched)

    await office.desk.matching.ask_proof(matched, "kk", OFFICER, NOW)
    await office.work()
    (asked,) = office.sent.mails.values()
    assert asked["subject"].startswith("Өтінішіңіз: жазған өзіңіз")
    answer = await office.received(sender=REGISTERED, In_Reply_To=f"<{asked['message_id']}@exl.kz>")
    assert (answer.follows, answer.sender_known) == (application.application_id, True)

    proven = await office.now(application)
    await office.desk.matching.accept_proof(proven, "wrote_from_registered_address", OFFICER, NOW)
    proposal_id = await office.proposed(await office.now(application))
    await office.approvals.decide(proposal_id, APPROVE, APPROVER, NOW)
    await office.work()
    assert {(await office.now(a)).case_id for a in (application, answer)} == {proposal_id}
    await office.withdrawals.close(proposal_id)
    await office.work()
    assert office.mailbox.contents() == []
    assert sorted(mail["to"] for mail in office.sent.mails.values()) == ["aigul@example.kz"] * 3


async def test_sender_matched_by_hand_is_known_where_the_address_is_theirs(office: MailDesk) -> None:
    application = await office.received(sender=REGISTERED, Auto_Submitted="auto-replied")
    assert application.state == "new"
    await office.desk.matching.match(application, "phone", "+77010000001", mail_of(REGISTERED), OFFICER, NOW)
    assert (await office.now(application)).is_proven
    assert "person_searched" in await office.noted()


VOUCHED = "mx.example.kz; spf=pass; dmarc=pass (p=reject) header.from=example.kz"


@pytest.mark.parametrize(
    ("said", "is_theirs"),
    [
        (VOUCHED, True),
        (VOUCHED.upper(), True),
        (f"mx.example.kz; dkim=pass header.b={'x' * 900};\n dmarc=pass", True),
        ("mx.example.kz; spf=pass; dmarc=fail", False),
        ("mx.example.kz; dmarc=none; comment=dmarc=pass", False),
        ("mx.example.com; dmarc=pass", False),
        ("", False),
    ],
)
async def test_forged_sender_is_nobody_where_the_server_vouches(office: MailDesk, said: str, is_theirs: bool) -> None:
    """The topmost word is the server's own; what a forger wrote stands below it."""
    addresses = replace(office.desk.matching.addresses, authserv_id="mx.example.kz")
    mail = read_mail(f"Authentication-Results: {said}\nAuthentication-Results: {VOUCHED}\n".encode() + raw(REGISTERED))
    assert (await addresses.subject_of(mail) == SUBJECT) is is_theirs
    assert await office.desk.matching.addresses.subject_of(mail) == SUBJECT


async def test_nobody_is_matched_to_what_is_nobodys(office: MailDesk) -> None:
    application = await office.received()
    with pytest.raises(NobodyHeld):
        await office.desk.matching.match(application, "email", "nobody@example.com", None, OFFICER, NOW)
    with pytest.raises(NotSearchable):
        await office.desk.matching.match(application, "phone", "not a phone", None, OFFICER, NOW)
    with pytest.raises(NotMatched):
        await office.desk.matching.accept_proof(application, "called_back", OFFICER, NOW)
    assert await office.now(application) == application


async def test_two_officers_at_once_settle_it_once(office: MailDesk) -> None:
    application = await office.received()
    outcomes = await asyncio.gather(
        office.desk.answers.refuse(application, "ru", OFFICER, NOW),
        office.desk.answers.answered(application, OFFICER, NOW),
        return_exceptions=True,
    )
    assert [type(outcome) for outcome in outcomes if outcome is not None] == [MovedMeanwhile]
    assert len([what for what in await office.noted() if what.startswith("application_")]) == 1


async def test_application_is_proposed_once_until_an_approver_refuses(office: MailDesk) -> None:
    application = await office.received(sender=REGISTERED)
    first = await office.proposed(application)
    with pytest.raises(ProposedAlready):
        await office.proposed(await office.now(application))
    await office.approvals.decide(first, REFUSE, APPROVER, NOW)
    await office.work()
    assert (await office.now(application)).state == "matched"
    second = await office.proposed(await office.now(application))
    assert second != first
    assert office.sent.mails == {}


async def test_two_officers_at_once_ask_one_approver(office: MailDesk) -> None:
    application = await office.received(sender=REGISTERED)
    later = NOW + timedelta(minutes=1)
    outcomes = await asyncio.gather(*(office.proposed(application, later) for _ in range(3)), return_exceptions=True)
    assert [type(outcome) for outcome in outcomes if not isinstance(outcome, str)] == [MovedMeanwhile] * 2
    assert await office.approvals.proposals.waiting() == 1


async def test_crash_before_the_approver_is_asked_lets_an_officer_ask_again(
    office: MailDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    application = await office.received(sender=REGISTERED)
    with monkeypatch.context() as patch:
        patch.setattr(ProposalStore, "add", once(ProposalStore.add))
        with pytest.raises(Crash):
            await office.proposed(application)
    await office.work()
    proposal = await office.proposed(await office.now(application))
    await office.approvals.decide(proposal, APPROVE, APPROVER, NOW)
    await office.work()
    assert (await office.now(application)).case_id == proposal


def acts_on(pages: MailboxPages, application_id: str) -> list[Awaitable[Any]]:
    """Every form of an application's page, before it asks who sends it."""
    request, number = cast(Request, None), application_id
    return [
        pages.match(request, number, "email", REGISTERED),
        pages.ask_proof(request, number, "ru"),
        pages.accept_proof(request, number, "called_back"),
        pages.refuse(request, number, "ru"),
        pages.answered(request, number),
    ]


async def test_what_an_approver_was_asked_is_not_passed_by(office: MailDesk) -> None:
    application = await office.received(sender=REGISTERED)
    await office.proposed(application)
    for act in acts_on(office.pages, application.application_id):
        with pytest.raises(Problem) as refusal:
            await act
        assert refusal.value.status_code == 409
    with pytest.raises(ProposedAlready):
        await office.desk.cases.stop_promotions(await office.now(application), OFFICER, NOW, language="ru")
    assert (await office.noted()).count("case_opened") == 0
    assert (await office.now(application)).state == "matched"


async def test_what_is_settled_stays_settled(office: MailDesk) -> None:
    application = await office.received()
    await office.desk.answers.refuse(application, "ru", OFFICER, NOW)
    settled = await office.now(application)
    for act in acts_on(office.pages, application.application_id):
        with pytest.raises(Problem) as refusal:
            await act
        assert refusal.value.status_code == 409
    with pytest.raises(MovedMeanwhile):
        await office.desk.matching.match(settled, "email", REGISTERED, None, OFFICER, NOW)
    assert await office.now(application) == settled


async def test_promotions_alone_are_a_case_at_once_and_once(office: MailDesk) -> None:
    application = await office.received(sender=REGISTERED)
    for _ in range(2):  # the second time as after a crash, with what was read before
        await office.desk.cases.stop_promotions(application, OFFICER, NOW, language="ru")
    assert (await office.now(application)).case_id == application.application_id
    assert (await office.noted()).count("application_became_case") == 1


async def test_refused_application_is_replied_to_and_its_mail_goes_after_the_period(office: MailDesk) -> None:
    application = await office.received(text="Please tell me what my parcel weighs, thank you")
    await office.desk.answers.refuse(application, "en", OFFICER, NOW)
    await office.work()
    (reply,) = office.sent.mails.values()
    assert reply["subject"] == "Your message: nothing we can act on"
    kept = load_policy().period("application_mail").as_timedelta()
    await office.work(NOW + kept - timedelta(seconds=1))
    assert len(office.mailbox.contents()) == 1
    await office.work(NOW + kept)
    assert office.mailbox.contents() == []


@pytest.mark.parametrize(
    ("mail", "outcomes"),
    [
        ({"Auto_Submitted": "auto-replied"}, {}),
        ({"Precedence": "bulk"}, {}),
        ({"sender": None}, {"not_actionable": "nobody to write to"}),
        ({"sender": ADDRESS}, {"not_actionable": "nobody to write to"}),
    ],
)
async def test_nobody_is_written_to_where_nobody_wrote(
    office: MailDesk, mail: dict[str, Any], outcomes: dict[str, str]
) -> None:
    application = await office.received(**mail)
    await office.desk.answers.refuse(application, "ru", OFFICER, NOW)
    await office.work()
    assert office.sent.mails == {}
    assert await office.replies.outcomes(application.application_id) == outcomes


async def test_reply_tried_again_is_the_same_message(office: MailDesk) -> None:
    application = await office.received()
    office.sent.refusals = [MailServerAway()]
    await office.desk.answers.refuse(application, "ru", OFFICER, NOW)
    await office.work()
    assert office.sent.mails == {}
    await office.mailbox.server.stop()
    await office.reply(NOW + timedelta(minutes=1))
    await office.mailbox.server.start()
    for minutes in (2, 3, 4):
        await office.work(NOW + timedelta(minutes=minutes))
    assert list(office.sent.mails) == [f"application-{application.application_id}-not_actionable"]


class Crash(BaseException):
    """Of the whole process: nothing catches it."""


def once(act: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    """The act, but the first time the process ends before it."""
    crashes = [Crash()]

    async def crashing(*args: Any, **kwargs: Any) -> Any:
        if crashes:
            raise crashes.pop()
        return await act(*args, **kwargs)

    return crashing


async def test_crash_after_sending_sends_the_same_message_again(
    office: MailDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    application = await office.received()
    await office.desk.answers.refuse(application, "ru", OFFICER, NOW)
    monkeypatch.setattr(ReplyStore, "settle", once(ReplyStore.settle))
    with pytest.raises(Crash):
        await office.reply(NOW)
    assert await office.reply(NOW + timedelta(minutes=2))
    assert not await office.reply(NOW + timedelta(minutes=4))
    assert len(office.sent.mails) == 1
    assert await office.replies.outcomes(application.application_id) == {"not_actionable": "sent"}


async def test_crash_after_deleting_a_mail_puts_it_on_the_ledger_later_and_once(
    office: MailDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    application = await office.received()
    await office.desk.answers.answered(application, OFFICER, NOW)
    later = NOW + timedelta(days=365)
    with monkeypatch.context() as patch:
        patch.setattr(Record, "note", once(Record.note))
        with pytest.raises(Crash):
            await office.delete(later)
    assert office.mailbox.contents() == []
    assert (await office.now(application)).deleted_at is None
    for _ in range(2):
        await office.delete(later)
    assert (await office.now(application)).deleted_at == later
    assert (await office.noted()).count("application_mail_deleted") == 1


async def test_reply_refused_for_good_does_not_keep_the_mail(office: MailDesk) -> None:
    application = await office.received()
    office.sent.refusals = [MailNotAccepted(550)]
    await office.desk.answers.refuse(application, "ru", OFFICER, NOW)
    await office.work()
    assert await office.replies.outcomes(application.application_id) == {
        "not_actionable": "refused by the mail server (550)"
    }
    await office.work(NOW + timedelta(days=365))
    assert office.mailbox.contents() == []


async def test_mailbox_numbered_anew_or_away_delays_a_deletion_and_no_more(office: MailDesk) -> None:
    application = await office.received()
    await office.desk.answers.answered(application, OFFICER, NOW)
    later = NOW + timedelta(days=365)
    await office.mailbox.server.stop()
    with pytest.raises(MailboxAway):
        await office.delete(later)
    await office.mailbox.server.start()
    await office.mailbox.renumber()
    await office.delete(later)
    assert len(office.mailbox.contents()) == 1
    assert (await office.now(application)).deleted_at is None
    await office.take(later)
    await office.delete(later)
    assert office.mailbox.contents() == []
    assert (await office.now(application)).state == "answered"


@pytest.mark.canary
async def test_nothing_of_a_mail_is_in_any_collection(office: MailDesk) -> None:
    application = await office.received(sender="canary@example.com", subject="Subjectword", text="Textword " * 50)
    await office.desk.matching.match(application, "phone", "+77010000001", mail_of("canary@example.com"), OFFICER, NOW)
    await office.desk.matching.ask_proof(await office.now(application), "en", OFFICER, NOW)
    await office.work()
    assert len(office.sent.mails) == 1
    stored = b""
    for name in await office.database.list_collection_names():
        stored += b"".join([BSON.encode(document) async for document in office.database[name].find()])
    assert SUBJECT.encode() in stored
    for word in ("canary@example.com", "canary", "Subjectword", "Textword", "0000001"):
        assert word.encode() not in stored
    assert "Textword" not in str(office.sent.mails)
