"""Every order that intake accepted, found again: as delivery's view, as an erased person's, or as a dead letter."""

from collections import Counter
from collections.abc import Sequence
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


async def reconcile(stack: LocalStack, admin: Client, policy: Policy, load: Load) -> Account:
    """Once everything has come to rest."""
    views = {document["order_id"] async for document in admin["delivery"]["shipments"].find({}, {"order_id": 1})}
    topics = [topic for topic in policy.topics if topic.startswith("dead-letters-")]
    dead = len(await everything(stack.info.kafka.address, topics))
    accepted, gone = set(load.accepted), load.leaving
    confirmed = _confirmations(stack.layout.mail_dir)
    certificates = await admin["privacy"]["certificates"].count_documents({})
    staying = [email for order_id, email in load.accepted.items() if order_id not in gone]
    facts = {
        "orders accepted that delivery has no view of, though nobody withdrew": len(accepted - gone - views),
        "views of orders that intake did not accept": len(views - accepted),
        "views of people who were erased": len(views & gone),
        "dead letters": dead,
        "people who were not sent their confirmation": sum(confirmed[email] == 0 for email in staying),
        "people who were sent it twice": sum(count > 1 for count in confirmed.values()),
        "withdrawals without a certificate": len(gone) - certificates,
        "keys of erased people": await _keys_left(admin, policy),
    }
    wrong = [f"{count} {what}" for what, count in facts.items() if count]
    return Account(len(accepted), len(views), len(gone - views), dead, sum(confirmed.values()), certificates, wrong)


async def _keys_left(admin: Client, policy: Policy) -> int:
    some = {"$or": [{f"keys.{reader}": {"$exists": True}} for reader in policy.readers]}
    return await admin["keyring"]["subjects"].count_documents({"fenced_at": {"$ne": None}, **some})


def _confirmations(mail_dir: Path) -> Counter[str]:
    """By address, as receivers keep them: one for each Message-ID."""
    mails = (_read(path) for path in mail_dir.glob("*.eml"))
    return Counter(str(mail["To"]) for mail in mails if str(mail["Subject"]).startswith(CONFIRMATION))


def _read(path: Path) -> Message:
    return message_from_bytes(path.read_bytes(), policy=default)
