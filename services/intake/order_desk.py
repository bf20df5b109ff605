"""Take what a shop sent: a valid order with the keyed hashes it is found by, or the rules it breaks."""

from datetime import datetime

from pydantic import ValidationError

from services.intake.order import Channel, Face, Wanted
from services.intake.order_form import read_order
from shared.messaging.cloudevents import new_id
from shared.observability.metrics import ORDERS
from shared.observability.tracing import here
from shared.policy.model import Policy
from shared.policy.working_days import almaty_day
from shared.sealing.people_index import PeopleIndex


class OrderDesk:
    def __init__(self, policy: Policy, people: PeopleIndex, *, shop: str) -> None:
        self._policy = policy
        self._people = people
        self._shop = shop

    def take(self, body: bytes, idempotency_key: str | None, now: datetime, *, channel: Channel = "shop") -> Wanted:
        """Raises pydantic's ValidationError. The same person and request give the same hashes, however spelt; a key
        of one channel is nothing to the other."""
        version = self._policy.version_at(almaty_day(now)).version
        try:
            form = read_order(body, version_in_force=version)
        except ValidationError:
            ORDERS.labels("refused").inc()
            raise
        face = Face(self._people.entry("phone", form.phone), self._people.entry("email", form.email))
        if idempotency_key is None:
            return Wanted(form, face, new_id(), channel=channel, traceparent=here())
        sender = self._shop if channel == "shop" else f"{channel}\0{self._shop}"
        key = self._people.entry("idempotency", f"{sender}\0{idempotency_key}")
        fingerprint = self._people.entry("request", form.model_dump_json())
        return Wanted(form, face, key, fingerprint, channel, here())
