"""The console: its composition root, as app.py is the service's. All its pages, on one screen."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Protocol

from fastapi import APIRouter, FastAPI

from services.privacy.answer_store import AnswerStore
from services.privacy.case_store import CaseStore
from services.privacy.certificate_store import CertificateStore
from services.privacy.console.account_store import AccountStore
from services.privacy.console.approvals import Approvals, CarryOut
from services.privacy.console.case_figures_store import CaseFiguresStore
from services.privacy.console.case_list import CaseList
from services.privacy.console.case_pages import CasePages
from services.privacy.console.case_pictures import CasePictures
from services.privacy.console.console_page import ConsolePage
from services.privacy.console.dashboard import Dashboard
from services.privacy.console.disclosure_pages import DisclosurePages
from services.privacy.console.disclosure_register_store import COLLECTION as DISCLOSURES
from services.privacy.console.disclosure_register_store import DisclosureRegisterStore
from services.privacy.console.doors import IDLE, Doors
from services.privacy.console.one_time_code import OneTimeSecrets
from services.privacy.console.passwords import Passwords
from services.privacy.console.person_pages import PersonPages
from services.privacy.console.policy_record_store import PolicyRecordStore
from services.privacy.console.policy_register_pages import PolicyRegisterPages
from services.privacy.console.proposal import Kind, Proposal
from services.privacy.console.proposal_pages import ProposalPages
from services.privacy.console.proposal_store import ProposalStore
from services.privacy.console.record import Record
from services.privacy.console.registers import Registers
from services.privacy.console.search import Search
from services.privacy.console.sign_in import SignIn
from services.privacy.console.sign_in_pages import SignInPages
from services.privacy.console.state_disclosure import StateDisclosures
from services.privacy.console.store_register_pages import StoreRegisterPages
from services.privacy.console.store_register_store import StoreRegisterStore
from services.privacy.keyring_keeper import KeyringKeeper
from services.privacy.ledger import Ledger
from services.privacy.mailbox.app import Acts, MailOffice, build_mail_office
from services.privacy.order_store import OrderStore
from services.privacy.send_letters import LetterSender
from services.privacy.settings import PrivacySettings
from services.privacy.withdraw_consent import ConsentWithdrawals, Withdrawal
from shared.erasure.ask_stores import Inspections
from shared.messaging.outbox import Outbox
from shared.messaging.worker import Act, Clock
from shared.pages.render import Pages
from shared.pages.security import secure_pages
from shared.pages.sessions import MongoSessionStore
from shared.policy.model import Policy
from shared.sealing.people_index import PeopleIndex
from shared.stores.mongo import Client, Database


class Indexed(Protocol):
    async def ensure_indexes(self) -> None: ...


class Part(Protocol):
    """A group of pages."""

    router: APIRouter


@dataclass(frozen=True, slots=True)
class Office:
    """What the console is about: the service's own stores and acts."""

    cases: CaseStore
    answers: AnswerStore
    certificates: CertificateStore
    orders: OrderStore
    ledger: Ledger
    outbox: Outbox
    keyring: KeyringKeeper
    withdrawals: ConsentWithdrawals
    inspections: Inspections
    registers: Registers
    sender: LetterSender


@dataclass(frozen=True, slots=True)
class Console:
    """`stores`: to be indexed before serving. `acts`: work that waits for nobody's request."""

    stores: tuple[Indexed, ...]
    acts: tuple[Act, ...]
    routers: tuple[APIRouter, ...]
    pages: Pages
    sessions: MongoSessionStore

    def serve_on(self, app: FastAPI) -> None:
        for router in self.routers:
            app.include_router(router)
        secure_pages(app, self.pages, self.sessions, idle=IDLE)


def build_registers(policy: Policy, client: Client, database: Database, ledger: Ledger, outbox: Outbox) -> Registers:
    return Registers(
        policies=PolicyRecordStore(database),
        samples=StoreRegisterStore(database),
        disclosures=DisclosureRegisterStore(database, policy.kept("privacy", DISCLOSURES)),
        record=Record(client, ledger, outbox),
        policy=policy,
    )


def build_console(
    settings: PrivacySettings, policy: Policy, client: Client, database: Database, office: Office, clock: Clock
) -> Console:
    pages = Pages("services.privacy", policy)
    sessions, accounts, proposals = MongoSessionStore(database), AccountStore(database), ProposalStore(database)
    registers, record = office.registers, office.registers.record
    doors, page = Doors(accounts), ConsolePage(pages, proposals, mailbox=settings.imap is not None)
    stores, deferring = policy.erasing_stores, policy.deferring_stores
    people = PeopleIndex.from_folder(settings.keys_dir)

    carry_out: Mapping[Kind, CarryOut] = {
        "withdrawal": partial(open_case, office.withdrawals),
        "refusal": decided_is_done,
        "state_disclosure": StateDisclosures(registers.disclosures, record, policy).carry_out,
    }
    approvals = Approvals(proposals, record, carry_out)
    sign_in = SignIn(accounts, Passwords(), OneTimeSecrets.from_folder(settings.keys_dir))
    provider = _provider(settings, accounts, clock)
    cases, answers = office.cases, office.answers
    case_list = CaseList(cases, answers, page, doors, clock, stores=stores, deferring=deferring)
    search = Search(office.keyring, office.orders, people, record)
    acts = Acts(search, approvals, office.withdrawals, office.inspections, cases)
    mail = _mail_office(settings, policy, client, database, office, acts, page, doors, clock)
    parts: tuple[Part, ...] = (
        SignInPages(sign_in, pages, clock, single_sign_on=provider is not None),
        *([provider] if provider else []),
        Dashboard(cases, case_list, CasePictures(CaseFiguresStore(database)), page, doors, clock),
        case_list,
        CasePages(cases, answers, office.certificates, page, doors, clock, stores=stores),
        PersonPages(search, office.inspections, approvals, office.withdrawals, cases, page, doors, clock),
        ProposalPages(approvals, cases, page, doors, clock),
        PolicyRegisterPages(registers.policies, policy, page, doors, clock),
        StoreRegisterPages(registers.samples, policy, page, doors, clock),
        DisclosurePages(registers.disclosures, approvals, policy, page, doors, clock),
        *(mail.pages if mail else ()),
    )
    return Console(
        stores=(sessions, accounts, proposals, registers.disclosures, *(mail.stores if mail else ())),
        acts=(approvals.carry_out_approved, *(mail.acts if mail else ())),
        routers=tuple(part.router for part in parts),
        pages=pages,
        sessions=sessions,
    )


async def open_case(withdrawals: ConsentWithdrawals, proposal: Proposal, now: datetime) -> None:
    """An approved withdrawal: its case has the proposal's id, so that it is opened once."""
    details = proposal.details
    wanted = Withdrawal(proposal.subject_id, "all", details["channel"], details["received_at"])
    await withdrawals.withdraw(wanted, now, case_id=proposal.proposal_id)


async def decided_is_done(proposal: Proposal, now: datetime) -> None:
    """A refusal is on the ledger with its ground; the officer's answer to the person says so."""


def _mail_office(
    settings: PrivacySettings, policy: Policy, client: Client, database: Database, office: Office, acts: Acts,
    page: ConsolePage, doors: Doors, clock: Clock,
) -> MailOffice | None:  # fmt: skip
    """None where there is no mailbox."""
    if settings.imap is None:
        return None
    pause, sender = timedelta(seconds=settings.imap_poll_seconds), office.sender
    return build_mail_office(
        settings.imap, pause, policy, client, database, sender.mailer, sender.templates, acts, page, doors, clock
    )


def _provider(settings: PrivacySettings, accounts: AccountStore, clock: Clock) -> Part | None:
    if settings.oidc_issuer is None or settings.oidc_client_id is None or settings.oidc_client_secret is None:
        return None
    # Its library takes a while to load, and is loaded only where it is used.
    from services.privacy.console.single_sign_on import SingleSignOn

    return SingleSignOn(
        accounts,
        clock,
        issuer=settings.oidc_issuer,
        client_id=settings.oidc_client_id,
        client_secret=settings.oidc_client_secret,
        claim=settings.oidc_role_claim,
        roles=settings.oidc_roles,
    )
