"""Made-up people with keys, and their orders as intake publishes them, in the numbers a benchmark needs."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from deploy.demo.people import WAITING
from shared.contracts.orders import OrderPlaced
from shared.messaging.cloudevents import Outgoing, new_id
from shared.messaging.kafka_address import KafkaAddress
from shared.policy.model import Policy
from shared.sealing.envelope import Binding, seal
from shared.sealing.kek_files import KekFiles
from shared.sealing.subject_keys import SubjectKeys
from shared.sealing.wrapping import KeyWrapper
from shared.stores.keyring_view import DATABASE, SUBJECTS
from shared.stores.mongo import Client

PUBLISHER = "intake"
PERSON = {
    "family_name": WAITING["name"]["family"],
    "given_name": WAITING["name"]["given"],
    "patronymic": WAITING["name"]["patronymic"],
    "phone": "+77015550137",
    "email": WAITING["email"],
    "delivery_address": WAITING["delivery_address"],
    "amount_to_collect": 18_900,
    "language": "kk",
}


@dataclass(slots=True)
class Bench:
    """A stack without services, as the administrator, and people whose keys are in its keyring."""

    client: Client
    mongodb_uri: str
    kafka: KafkaAddress
    keys_root: Path
    policy: Policy
    people: list[SubjectKeys]

    def kek(self, service: str) -> KekFiles:
        return KekFiles(self.keys_root / service, service)

    async def add_people(self, count: int) -> list[SubjectKeys]:
        """New people; their keys are durable when it returns."""
        wrapper = KeyWrapper(self.kek(PUBLISHER), 60)
        added = [SubjectKeys.create(new_id(), self.policy.readers) for _ in range(count)]
        documents = [
            {
                "_id": keys.subject_id,
                "keys": {reader: key.document() for reader, key in keys.columns(wrapper, PUBLISHER).items()},
                "fenced_at": None,
            }
            for keys in added
        ]
        for start in range(0, count, 2_000):
            await self.client[DATABASE][SUBJECTS].insert_many(documents[start : start + 2_000], ordered=False)
        self.people += added
        return added


def placed_events(people: list[SubjectKeys]) -> list[Outgoing]:
    """One OrderPlaced per person, with an envelope for delivery and one for notifications."""
    now = datetime.now(UTC)
    return [_placed(keys, now) for keys in people]


def _placed(keys: SubjectKeys, now: datetime) -> Outgoing:
    event_id = new_id()
    sealed = {
        reader: seal(PERSON, Binding(event_id, OrderPlaced.type_name(), keys.subject_id, reader), keys.of(reader))
        for reader in ("delivery", "notifications")
    }
    event = OrderPlaced(
        subject_id=keys.subject_id,
        order_id=new_id(),
        placed_at=now,
        payment_method="on_delivery",
        consent_id=new_id(),
        promotions=False,
        item_count=1,
        sealed=sealed,
    )
    return Outgoing(event, event_id, now)
