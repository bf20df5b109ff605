"""Every order that intake accepted, found again: as delivery's view, as an erased person's, or as a dead letter."""

from collections import Counter
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from email import message_from_bytes
from email.message import Message
from email.policy import default
from pathlib import Path

from deploy.demo.topics import everything
from deploy.local.stack import LocalStack
from deploy.soak.load import Load
from shared.policy.model import Policy
from shared.stores.mongo import Client

CONFIRMATION = "Тапсырысыңыз қабылданды"


@dataclass(frozen=True, slots=True)
class Account:
    """accepted = views + fenced + dead, when nothing is lost. `wrong`: in words, without a value of anybody's."""

    accepted: int
    views: int
    fenced: int
    dead: int
    confirmed: int
    certificates: int
    wrong: Sequence[str]


@dataclass(frozen=True, slots=True)
class Seen:
    """What stores, topics and mailboxes hold. `views`: order ids; `confirmed`: by address; `fenced`: people without any
    key; `half_fenced`: those with a fence and a key."""

    views: Set[str]
    confirmed: Counter[str]
    fenced: int
    half_fenced: int
    dead: int
    certificates: int


async def reconcile(stack: LocalStack, admin: Client, policy: Policy, load: Load) -> Account:
    """Once everything has come to rest."""
    subjects, topics = (
        admin["keyring"]["subjects"],
        [name for name in policy.topics if name.startswith("dead-letters-")],
    )
    seen = Seen(
        {document["order_id"] async for document in admin["delivery"]["shipments"].find({}, {"order_id": 1})},
        _confirmations(stack.layout.mail_dir),
        await subjects.count_documents({"fenced_at": {"$ne": None}, "keys": {}}),
        await subjects.count_documents({"fenced_at": {"$ne": None}, "keys": {"$ne": {}}}),
        len(await everything(stack.info.kafka.address, topics)),
        await admin["privacy"]["certificates"].count_documents({}),
    )
    return account(load.accepted, load.leaving, seen)


def account(accepted: Mapping[str, str], leaving: Set[str], seen: Seen) -> Account:
    """accepted: order id → address. leaving: those of them whose person withdrew; everybody has one order."""
    staying = [address for order_id, address in accepted.items() if order_id not in leaving]
    facts = {
        "orders accepted that delivery has no view of, though nobody withdrew": len(
            accepted.keys() - leaving - seen.views
        ),
        "views of orders that intake did not accept": len(seen.views - accepted.keys()),
        "views of people who were erased": len(seen.views & leaving),
        "dead letters": seen.dead,
        "people who were not sent their confirmation": sum(seen.confirmed[address] == 0 for address in staying),
        "people who were sent it twice": sum(count > 1 for count in seen.confirmed.values()),
        "withdrawals without an erasure, or erasures without a withdrawal": abs(len(leaving) - seen.fenced),
        "withdrawals without a certificate": len(leaving) - seen.certificates,
        "erased people who have a key": seen.half_fenced,
        "orders unaccounted for": len(accepted) - len(seen.views) - seen.fenced - seen.dead,
    }
    wrong = [f"{count} {what}" for what, count in facts.items() if count]
    return Account(
        len(accepted), len(seen.views), seen.fenced, seen.dead, seen.confirmed.total(), seen.certificates, wrong
    )


def _confirmations(mail_dir: Path) -> Counter[str]:
    """By address, as receivers keep them: one for each Message-ID."""
    mails = (_read(path) for path in mail_dir.glob("*.eml"))
    return Counter(str(mail["To"]) for mail in mails if str(mail["Subject"]).startswith(CONFIRMATION))


def _read(path: Path) -> Message:
    return message_from_bytes(path.read_bytes(), policy=default)
