"""Never silence (Law 94-V art. 8(7)): every letter exists in the person's language, and every one is settled."""

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import product
from pathlib import Path
from typing import Any, get_args

import pytest
from jinja2 import Environment, PackageLoader, StrictUndefined, UndefinedError

from services.privacy.case import Case, Deferral
from services.privacy.case_facts import Contact, LetterKind, LetterSettled
from services.privacy.letter_store import Letter
from services.privacy.send_letters import GIVE_UP_AFTER_ATTEMPTS, LetterSender
from shared.contracts.personal import Language
from shared.mail.smtp import MailNotAccepted, MailServerAway
from shared.policy.load import load_policy
from shared.policy.model import Policy
from shared.sealing.envelope import Binding, seal
from shared.sealing.keyring import KeyringReader
from shared.sealing.opener import Opener
from tests.builders import NOON, a_person, at
from tests.unit.policy.a_policy import a_policy
from tests.unit.privacy.a_case import ORDER, OTHER_ORDER, a_case
from tests.unit.sealing.a_keyring import FakeKeyring

KINDS, LANGUAGES = get_args(LetterKind), get_args(Language)
PERSON = a_person()
TEMPLATES = Environment(loader=PackageLoader("services.privacy"), undefined=StrictUndefined, autoescape=False)


@dataclass
class Letters:
    """`LetterStore` with one letter at a time."""

    due: list[Letter]
    postponed: list[tuple[str, datetime]] = field(default_factory=list)
    settled: list[tuple[str, str]] = field(default_factory=list)

    async def waits_for_another(self, letter: Letter) -> bool:
        return False

    async def take_due(self, now: datetime) -> Letter | None:
        return self.due.pop() if self.due else None

    async def postpone(self, letter_id: str, until: datetime) -> None:
        self.postponed.append((letter_id, until))

    async def settle(self, letter_id: str, state: str, now: datetime) -> None:
        self.settled.append((letter_id, state))


@dataclass
class Cases:
    case: Case | None

    async def by_id(self, case_id: str) -> Case | None:
        return self.case


@dataclass
class Process:
    facts: list[tuple[str, Any]] = field(default_factory=list)

    async def tell(self, facts: list[tuple[str, Any]], now: datetime) -> None:
        self.facts.extend(facts)


@dataclass
class Mailbox:
    refusal: Exception | None = None
    mails: list[dict[str, str]] = field(default_factory=list)

    async def send(self, **mail: str) -> None:
        if self.refusal:
            raise self.refusal
        self.mails.append(mail)


class Desk:
    """A letter sender with everything around it in memory, and a person's sealed contact."""

    def __init__(self, keys_root: Path, *, policy: Policy | None = None, **person: Any) -> None:
        self.keyring = FakeKeyring(keys_root, "privacy")
        self.policy = policy or load_policy()
        self.keys = self.keyring.add()
        self.case: Case | None = a_case(
            subject_id=self.keys.subject_id,
            contact=self.contact(**person),
            deferrals=(Deferral(order_id=ORDER, since=NOON), Deferral(order_id=OTHER_ORDER, since=NOON)),
        )
        self.process, self.mailbox, self.letters = Process(), Mailbox(), Letters([])

    def contact(self, **changes: Any) -> Contact:
        fields = {name: getattr(PERSON, name) for name in ("given_name", "email", "phone", "language")}
        binding = Binding("c" * 32, "kz.exl.SubjectRestricted.v1", self.keys.subject_id, "privacy")
        sealed = {name: value for name, value in {**fields, **changes}.items() if value is not None}
        envelope = seal(sealed, binding, self.keys.of("privacy"))
        return Contact(event_id=binding.event_id, event_type=binding.event_type, envelope=envelope)

    async def send(self, kind: str = "received", attempts: int = 1) -> None:
        letter = Letter(f"{'ca' * 16}-{kind}", "ca" * 16, self.keys.subject_id, kind, attempts)  # type: ignore[arg-type]
        self.letters.due.append(letter)
        reader = KeyringReader(self.keyring, self.keyring.unwrapper(), max_age_seconds=60)
        sender = LetterSender(
            self.letters,  # type: ignore[arg-type]
            Cases(self.case),  # type: ignore[arg-type]
            self.process,  # type: ignore[arg-type]
            Opener("privacy", self.policy, reader),
            self.mailbox,  # type: ignore[arg-type]
            TEMPLATES,
            self.policy.controller,
        )
        await sender.send_due(NOON)

    @property
    def outcomes(self) -> list[str]:
        assert [fact.outcome for _, fact in self.process.facts] == [state for _, state in self.letters.settled]
        return [state for _, state in self.letters.settled]


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_every_letter_exists_in_every_language_and_no_other() -> None:
    """Replies to written applications are another matter (tests/integration/privacy/test_answer_applications.py)."""
    letters = {name for name in TEMPLATES.list_templates() if not name.startswith("application_")}
    assert letters == {f"{kind}.{lang}.txt" for kind, lang in product(KINDS, LANGUAGES)}


@pytest.mark.parametrize("given_name", ["Ақбөпе", None])
@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", KINDS)
async def test_every_letter_renders(tmp_path: Path, kind: str, language: str, given_name: str | None) -> None:
    desk = Desk(tmp_path, language=language, given_name=given_name)
    await desk.send(kind)
    [mail] = desk.mailbox.mails
    assert mail["to"] == PERSON.email
    assert "\n" not in mail["subject"]
    assert 10 < len(mail["subject"]) < 78
    assert "ca" * 16 in mail["body"]  # the request's number
    assert ("Ақбөпе" in mail["body"]) == (given_name is not None)
    assert not re.search(r"[{}]|None|Undefined|  ,|, ,", mail["body"])
    assert "Эксперт Логистик" in mail["body"]
    assert "info@exl.kz" in mail["body"]
    assert desk.outcomes == ["sent"]


def test_template_that_names_something_unknown_does_not_render() -> None:
    with pytest.raises(UndefinedError):
        TEMPLATES.get_template("done.en.txt").render(given_name="", controller=load_policy().controller)


@pytest.mark.parametrize("language", LANGUAGES)
async def test_deferral_is_told_with_each_order_and_its_article(tmp_path: Path, language: str) -> None:
    desk = Desk(tmp_path, language=language)
    await desk.send("deferred")
    body = desk.mailbox.mails[0]["body"]
    assert ORDER in body
    assert OTHER_ORDER in body
    assert "94-V" in body


@pytest.mark.parametrize("language", LANGUAGES)
async def test_dates_are_almatys(tmp_path: Path, language: str) -> None:
    desk = Desk(tmp_path, language=language)
    late = datetime(2026, 3, 2, 20, 30, tzinfo=UTC)  # half past one on the third in Almaty
    assert desk.case is not None
    desk.case = desk.case.model_copy(update={"received_at": late})
    await desk.send("received")
    body = desk.mailbox.mails[0]["body"]
    assert ("3 March 2026" if language == "en" else "03.03.2026") in body
    assert ("26 March 2026" if language == "en" else "26.03.2026") in body


async def test_language_that_is_not_known_is_kazakh(tmp_path: Path) -> None:
    desk = Desk(tmp_path, language=None)
    await desk.send("done")
    assert desk.mailbox.mails[0]["subject"] == "Дербес деректеріңіз жойылды"


async def test_letter_sent_again_after_a_crash_has_the_same_message_id(desk: Desk) -> None:
    await desk.send("done")
    await desk.send("done", attempts=2)
    first, again = desk.mailbox.mails
    assert first["message_id"] == again["message_id"]
    await desk.send("received")
    assert desk.mailbox.mails[2]["message_id"] != first["message_id"]


async def test_case_is_told_before_the_letter_is_settled(desk: Desk) -> None:
    await desk.send("done")
    assert desk.process.facts == [("ca" * 16, LetterSettled("done", "sent"))]


async def test_contact_that_is_gone_settles_the_letter(desk: Desk) -> None:
    assert desk.case is not None
    desk.case = desk.case.model_copy(update={"contact": None})
    await desk.send()
    desk.case = None
    await desk.send()
    assert desk.outcomes == ["no contact any more"] * 2


async def test_erased_persons_letter_is_settled(desk: Desk) -> None:
    desk.keyring.destroy(desk.keys.subject_id)
    await desk.send()
    assert desk.outcomes == ["contact not readable: SubjectErased"]


async def test_contact_of_another_event_is_not_opened(desk: Desk) -> None:
    assert desk.case is not None
    assert desk.case.contact is not None
    moved = desk.case.contact.model_copy(update={"event_id": "0" * 32})
    desk.case = desk.case.model_copy(update={"contact": moved})
    await desk.send()
    assert desk.outcomes == ["contact not readable: EnvelopeNotAuthentic"]


async def test_policy_that_lets_privacy_write_to_nobody_settles_the_letter(tmp_path: Path) -> None:
    policy = a_policy(lambda rows: [row["grants"].pop("privacy", None) for row in rows["fields"].values()])
    desk = Desk(tmp_path, policy=policy)
    await desk.send()
    assert desk.outcomes == ["contact not readable: PurposeRefused"]
    assert desk.keyring.lookups == []


async def test_policy_that_takes_the_email_away_settles_the_letter(tmp_path: Path) -> None:
    desk = Desk(tmp_path, policy=a_policy(lambda rows: rows["fields"]["email"]["grants"].pop("privacy")))
    await desk.send()
    assert desk.outcomes == ["no e-mail address"]


async def test_refusal_of_the_mail_server_is_final_and_named_by_its_code(desk: Desk) -> None:
    desk.mailbox.refusal = MailNotAccepted(550)
    await desk.send("done")
    assert desk.outcomes == ["refused by the mail server (550)"]


@pytest.mark.parametrize("trouble", [MailServerAway(), RuntimeError("Ақбөпе")])
async def test_letter_that_can_not_go_now_is_tried_later_and_later(desk: Desk, trouble: Exception) -> None:
    desk.mailbox.refusal = trouble
    for attempt in range(1, GIVE_UP_AFTER_ATTEMPTS):
        await desk.send(attempts=attempt)
    delays = [(until - NOON).total_seconds() for _, until in desk.letters.postponed]
    assert delays == [2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300]
    assert desk.outcomes == []


@pytest.mark.parametrize(
    ("trouble", "outcome"), [(MailServerAway(), "mail server away"), (ValueError("Ақбөпе"), "failed: ValueError")]
)
async def test_erasure_never_waits_for_a_mailbox(desk: Desk, trouble: Exception, outcome: str) -> None:
    desk.mailbox.refusal = trouble
    await desk.send(attempts=GIVE_UP_AFTER_ATTEMPTS)
    assert desk.outcomes == [outcome]
    assert desk.letters.postponed == []


def test_giving_up_takes_less_than_the_time_to_answer() -> None:
    assert timedelta(seconds=sum(min(300, 2**n) for n in range(GIVE_UP_AFTER_ATTEMPTS))) < timedelta(hours=1)


async def test_nothing_due_sends_nothing(desk: Desk) -> None:
    reader = KeyringReader(desk.keyring, desk.keyring.unwrapper(), max_age_seconds=60)
    opener = Opener("privacy", desk.policy, reader)
    parts = (desk.letters, Cases(desk.case), desk.process, opener, desk.mailbox, TEMPLATES, desk.policy.controller)
    assert not await LetterSender(*parts).send_due(at(0))  # type: ignore[arg-type]
