"""An event becomes a CloudEvent and is read back; whatever else arrives is named by a code, never by its content."""

import re
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.contracts.catalogue import CONSUMED
from shared.contracts.ledger import LedgerHeadMoved
from shared.messaging.cloudevents import EVENT_TYPES, Outgoing, Unreadable, headers_of, new_id, read
from tests.builders import NOON, a_record, a_record_of, an_order_placed

EVENT = an_order_placed()
GOOD = a_record_of(EVENT)
CODES = {"tombstone", "not-a-cloudevent", "unknown-type", "schema-violation", "key-mismatch"}


def with_headers(**changes: bytes | None):  # type: ignore[no-untyped-def]
    """The good record with these headers; one that is `...` is left out."""
    headers = {**dict(GOOD.headers), **changes}
    return replace(GOOD, headers=tuple((name, value) for name, value in headers.items() if value is not ...))


def test_what_was_published_is_read() -> None:
    event_id = new_id()
    received = read(a_record_of(EVENT, event_id=event_id))
    assert received.event == EVENT
    assert (received.event_id, received.event_type, received.time) == (event_id, "kz.exl.OrderPlaced.v1", NOON)


def test_headers_are_a_cloudevent_in_binary_mode_and_hold_random_ids_only() -> None:
    east = timezone(timedelta(hours=5))
    headers = headers_of(Outgoing(EVENT, "e" * 32, NOON.astimezone(east)), "intake")
    assert headers == {
        "ce_specversion": "1.0",
        "ce_id": "e" * 32,
        "ce_source": "/sealed-orders/intake",
        "ce_type": "kz.exl.OrderPlaced.v1",
        "ce_time": "2026-03-02T07:00:00Z",
        "ce_dataschema": "/contracts/kz.exl.OrderPlaced.v1.json",
        "content-type": "application/json",
    }


def test_key_is_the_subject_so_that_a_persons_events_keep_their_order() -> None:
    assert Outgoing(EVENT, new_id(), NOON).key == EVENT.subject_id


def test_ledger_head_is_keyed_by_a_word() -> None:
    head = LedgerHeadMoved(sequence=1, hash="0" * 64, at=NOON)
    assert Outgoing(head, new_id(), NOON).key == "ledger"


def test_every_event_can_be_received() -> None:
    assert set(EVENT_TYPES.values()) == set(CONSUMED)
    assert all(re.fullmatch(r"kz\.exl\.[A-Za-z]+\.v\d+", name) for name in EVENT_TYPES)


def test_ids_are_random_hex() -> None:
    ids = {new_id() for _ in range(1_000)}
    assert len(ids) == 1_000
    assert all(re.fullmatch(r"[0-9a-f]{32}", an_id) for an_id in ids)


def test_unknown_field_is_ignored_so_that_an_older_consumer_survives_a_newer_publisher() -> None:
    value = EVENT.model_dump_json().encode()[:-1] + b',"added_later":1}'
    assert read(replace(GOOD, value=value)).event == EVENT


UNREADABLE = {
    "no value": (replace(GOOD, value=None), "tombstone"),
    "an empty value": (replace(GOOD, value=b""), "tombstone"),
    "no headers": (replace(GOOD, headers=()), "not-a-cloudevent"),
    "no type": (with_headers(ce_type=...), "not-a-cloudevent"),
    "no id": (with_headers(ce_id=...), "not-a-cloudevent"),
    "no time": (with_headers(ce_time=...), "not-a-cloudevent"),
    "a type without a value": (with_headers(ce_type=None), "not-a-cloudevent"),
    "an id without a value": (with_headers(ce_id=None), "not-a-cloudevent"),
    "an id that is no UTF-8": (with_headers(ce_id=b"\xff\xfe" * 16), "not-a-cloudevent"),
    "an id that is a phone": (with_headers(ce_id=b"+77000000042"), "not-a-cloudevent"),
    "a time that is none": (with_headers(ce_time=b"yesterday"), "not-a-cloudevent"),
    "a time without offset": (with_headers(ce_time=b"2026-03-02T07:00:00"), "not-a-cloudevent"),
    "another type": (with_headers(ce_type=b"kz.exl.OrderPlaced.v9"), "unknown-type"),
    "a type that is no UTF-8": (with_headers(ce_type=b"\xff"), "unknown-type"),
    "no JSON": (replace(GOOD, value=b"\xff\xfe{"), "schema-violation"),
    "JSON that is no object": (replace(GOOD, value=b"[]"), "schema-violation"),
    "a missing field": (replace(GOOD, value=b'{"subject_id": "' + b"5" * 32 + b'"}'), "schema-violation"),
    "an id that is no id": (
        replace(GOOD, value=EVENT.model_dump_json().replace(EVENT.order_id, "Ақбөпе").encode()),
        "schema-violation",
    ),
    "an envelope that is no base64": (
        replace(GOOD, value=re.sub(rb'"delivery":"[^"]*"', b'"delivery":"!"', GOOD.value)),
        "schema-violation",
    ),
    "no key": (replace(GOOD, key=None), "key-mismatch"),
    "another subject's key": (replace(GOOD, key=b"6" * 32), "key-mismatch"),
}


@pytest.mark.parametrize("what", UNREADABLE)
def test_unreadable_message_is_named_by_its_code(what: str) -> None:
    record, code = UNREADABLE[what]
    with pytest.raises(Unreadable) as unreadable:
        read(record)
    assert unreadable.value.code == str(unreadable.value) == code
    error = unreadable.value
    assert error.__cause__ is None
    assert error.__context__ is None or error.__suppress_context__  # pydantic's own error quotes its input


def test_every_code_has_an_example() -> None:
    assert {code for _, code in UNREADABLE.values()} == CODES


HEADER = st.tuples(
    st.sampled_from([name for name, _ in GOOD.headers]) | st.text(max_size=8),
    st.none() | st.binary(max_size=40) | st.sampled_from([value for _, value in GOOD.headers]),
)


@given(
    st.none() | st.binary(max_size=40) | st.just(GOOD.value),
    st.none() | st.binary(max_size=40),
    st.lists(HEADER, max_size=8),
)
def test_no_message_whatever_can_do_more_than_be_unreadable(value, key, headers) -> None:  # type: ignore[no-untyped-def]
    with suppress(Unreadable):
        read(a_record(value, key=key, headers=headers))


def test_times_are_utc() -> None:
    assert read(GOOD).time.astimezone(UTC) == datetime(2026, 3, 2, 7, tzinfo=UTC)
