"""Made-up people, events and records, for every test. Reserved domains and made-up numbers only (example.kz, 700)."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from aiokafka import ConsumerRecord

from shared.contracts.event import Event
from shared.contracts.orders import OrderPlaced
from shared.contracts.personal import Address, OrderItem, PersonalData
from shared.messaging.cloudevents import Outgoing, Received, headers_of, new_id, read

NOON = datetime(2026, 3, 2, 7, 0, tzinfo=UTC)  # 12:00 in Almaty

E = TypeVar("E", bound=Event)


def at(seconds: float) -> datetime:
    """So many seconds after NOON."""
    return NOON + timedelta(seconds=seconds)


def a_person(**changes: Any) -> PersonalData:
    """Every field of a person who does not exist."""
    fields: dict[str, Any] = {
        "family_name": "Сыдықбекқызы",
        "given_name": "Ақбөпе",
        "patronymic": "Нұрғалиқызы",
        "phone": "+77000000042",
        "email": "aqbope.sydyqbek@example.kz",
        "delivery_address": Address(locality="Көкбұлақ ауылы", line="Ойдан шығарылған к., 17-203", postcode="A99Z9Z9"),
        "residence": Address(locality="Жоқбұлақ ауылы", line="Жоқ көше, 5"),
        "order_items": (OrderItem(title="Қыш құмыра, көк", quantity=2, price_kzt=4_500),),
        "amount_to_collect": 9_000,
        "language": "kk",
    }
    return PersonalData(**{**fields, **changes})


def order_form(person: PersonalData | None = None, *, promotions: bool = False, **changes: Any) -> dict[str, Any]:
    """The order form as a shop sends it."""
    fields = (person or a_person()).model_dump(mode="json")
    return {
        "name": {
            "family": fields["family_name"],
            "given": fields["given_name"],
            "patronymic": fields["patronymic"],
        },
        "phone": fields["phone"],
        "email": fields["email"],
        "delivery_address": fields["delivery_address"],
        "residence": fields["residence"],
        "items": fields["order_items"],
        "payment": {"method": "on_delivery" if fields["amount_to_collect"] else "prepaid"},
        "language": fields["language"],
        "consent": {"policy_version": "2026-01", "promotions": promotions},
        **changes,
    }


def values_of(person: PersonalData) -> list[str]:
    """Every text a search for this person looks for."""
    found: list[str] = []

    def collect(value: Any) -> None:
        if isinstance(value, str) and len(value) > 3:
            found.append(value)
        elif isinstance(value, Mapping):
            for item in value.values():
                collect(item)
        elif isinstance(value, list | tuple):
            for item in value:
                collect(item)

    collect(person.model_dump())
    return found


def an_order_placed(**changes: Any) -> OrderPlaced:
    """Its envelopes are noise, unless `sealed` is given."""
    fields: dict[str, Any] = {
        "subject_id": new_id(),
        "order_id": new_id(),
        "placed_at": NOON,
        "payment_method": "on_delivery",
        "consent_id": new_id(),
        "promotions": False,
        "item_count": 1,
        "sealed": {"delivery": b"\x5a" * 92, "notifications": b"\xa5" * 92},
    }
    return OrderPlaced(**{**fields, **changes})


def a_record(
    value: bytes | None = b"{}",
    *,
    key: bytes | None = b"key",
    headers: Sequence[tuple[str, bytes | None]] = (),
    topic: str = "orders",
    partition: int = 0,
    offset: int = 0,
) -> "ConsumerRecord[bytes, bytes]":
    """A record as aiokafka hands it over."""
    return ConsumerRecord(
        topic, partition, offset, 0, 0, key, value, None, len(key or b""), len(value or b""), tuple(headers)
    )


def a_record_of(
    event: Event, *, event_id: str | None = None, source: str = "intake", **place: Any
) -> "ConsumerRecord[bytes, bytes]":
    """The record this event makes on its topic."""
    outgoing = Outgoing(event, event_id or new_id(), NOON)
    headers = [(name, value.encode()) for name, value in headers_of(outgoing, source).items()]
    value = event.model_dump_json().encode()
    return a_record(value, key=outgoing.key.encode(), headers=headers, **{"topic": event.topic(), **place})


def received(event: E, **record: Any) -> Received[E]:
    """The event as a handler gets it."""
    return read(a_record_of(event, **record))
