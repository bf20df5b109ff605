"""The mailbox: its composition root, called by the console's where there is a mailbox."""

from dataclasses import dataclass
from datetime import timedelta

from jinja2 import Environment

from services.privacy.case_store import CaseStore
from services.privacy.console.approvals import Approvals
from services.privacy.console.console_page import ConsolePage
from services.privacy.console.doors import Doors
from services.privacy.console.search import Search
from services.privacy.mailbox.answer_application import ApplicationAnswers
from services.privacy.mailbox.application_cases import ApplicationCases
from services.privacy.mailbox.application_steps import ApplicationSteps
from services.privacy.mailbox.application_store import ApplicationStore
from services.privacy.mailbox.case_from_mail_pages import CaseFromMailPages
from services.privacy.mailbox.delete_mails import PERIOD, MailDeletion
from services.privacy.mailbox.imap_mailbox import ImapAddress, ImapMailbox
from services.privacy.mailbox.mailbox_pages import Desk, MailboxPages
from services.privacy.mailbox.match_application import ApplicationMatching, RegisteredAddresses
from services.privacy.mailbox.measure_applications import ApplicationMeasures
from services.privacy.mailbox.reply import ReplySender
from services.privacy.mailbox.reply_store import ReplyStore
from services.privacy.mailbox.take_applications import ApplicationIntake
from services.privacy.withdraw_consent import WITHDRAWAL_PERIOD, ConsentWithdrawals
from shared.erasure.ask_stores import Inspections
from shared.mail.smtp import Mailer
from shared.messaging.worker import Act, Clock, every
from shared.policy.model import Policy
from shared.stores.mongo import Client, Database


@dataclass(frozen=True, slots=True)
class Acts:
    """What the mailbox needs others to do."""

    search: Search
    approvals: Approvals
    withdrawals: ConsentWithdrawals
    inspections: Inspections
    cases: CaseStore


@dataclass(frozen=True, slots=True)
class MailOffice:
    """`stores`: to be indexed before serving. `acts`: work that waits for nobody's request."""

    stores: tuple[ApplicationStore, ReplyStore]
    acts: tuple[Act, ...]
    pages: tuple[MailboxPages, CaseFromMailPages]


def build_mail_office(
    address: ImapAddress,
    pause: timedelta,
    policy: Policy,
    client: Client,
    database: Database,
    mailer: Mailer,
    templates: Environment,
    others: Acts,
    page: ConsolePage,
    doors: Doors,
    clock: Clock,
) -> MailOffice:
    """`pause`: between two looks at the mailbox."""
    mailbox = ImapMailbox(address)
    applications, replies = ApplicationStore(database), ReplyStore(database)
    record, days = others.approvals.record, policy.period(WITHDRAWAL_PERIOD).number
    steps = ApplicationSteps(applications, replies, record)
    addresses = RegisteredAddresses(others.search.keyring, others.search.people, address.authserv_id)
    cases = ApplicationCases(steps, others.approvals, others.withdrawals, others.cases)
    desk = Desk(steps, ApplicationMatching(steps, others.search, addresses), ApplicationAnswers(steps), cases)
    kept = policy.period(PERIOD).as_timedelta()
    return MailOffice(
        stores=(applications, replies),
        acts=(
            every(15, ApplicationMeasures(applications, days).measure),
            ApplicationIntake(mailbox, applications, others.search.people, addresses, pause).take_new,
            cases.follow_proposals,
            ReplySender(mailbox, applications, replies, mailer, templates, policy.controller, days).send_due,
            MailDeletion(client, mailbox, applications, replies, others.cases, record, kept).delete_due,
        ),
        pages=(
            MailboxPages(mailbox, desk, page, doors, clock, days=days),
            CaseFromMailPages(applications, cases, others.inspections, page, doors, clock),
        ),
    )
