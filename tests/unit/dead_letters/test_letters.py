"""What an administrator sees of a dead letter, whatever is in it."""

import json
from datetime import timedelta
from typing import Any

import pytest
from rich.console import Console

from deploy.dead_letters import show
from deploy.dead_letters.decision import DECISIONS
from deploy.dead_letters.letters import letters_in
from tests.builders import NOON, a_record
from tests.unit.dead_letters.a_letter import EVENT, SUBJECT, a_decision, a_letter, timed

PERSON = "aqbope.sydyqbek@example.kz"


def printed(*records: Any) -> str:
    """Everything any of the commands could print of them."""
    letters = letters_in(records)
    console = Console(record=True, width=200)
    console.print(show.counts_table(letters), show.letters_table(letters))
    texts = (json.dumps([show.facts(letter) for letter in letters]), json.dumps(show.counts(letters)))
    return "".join((*texts, repr(letters), show.metrics(letters, NOON), console.export_text()))


def test_letter_is_told_by_the_facts_of_its_envelope() -> None:
    (letter,) = letters_in([a_letter(b"x" * 700, offset=12)])
    assert show.facts(letter) == {
        "letter": "delivery/0/12",
        "service": "delivery",
        "code": "subject-unknown",
        "topic": "orders",
        "partition": 3,
        "offset": 41,
        "size_bytes": 700,
        "whole": True,
        "put_aside_at": "2026-03-02T07:00:00.000+00:00",
        "event_id": EVENT,
        "event_type": "kz.exl.OrderPlaced.v1",
        "event_time": "2026-03-02T07:00:00.000+00:00",
        "subject_id": SUBJECT,
        "outcome": "undecided",
        "reason": None,
        "decided_at": None,
    }


@pytest.mark.parametrize(
    "headers",
    [
        {name: PERSON.encode()}
        for name in ("ce_id", "ce_type", "ce_time", "dead_letter_key", "dead_letter_origin", "dead_letter_cut_from")
    ]
    + [{"note": PERSON.encode()}, {"dead_letter_code": f"{PERSON} is unknown".encode()}],
)
def test_nothing_of_a_person_is_shown_wherever_it_stands(headers: dict[str, bytes]) -> None:
    shown = printed(a_letter(PERSON.encode(), **headers))
    assert "aqbope" not in shown
    assert "delivery/0/0" in shown


def test_size_of_a_cut_message_is_what_it_was() -> None:
    (letter,) = letters_in([a_letter(b"x" * 10, dead_letter_cut_from=b"1000000")])
    assert (letter.size, letter.cut) == (1_000_000, True)


def test_decisions_are_counted_by_service_topic_and_code() -> None:
    letters = letters_in(
        [
            *(a_letter(offset=n) for n in range(3)),
            a_letter(service="privacy", dead_letter_code=b"tombstone"),
            a_decision("delivery/0/0"),
            a_decision("delivery/0/1", "discarded", reason="test"),
        ]
    )
    rows = [tuple(row.values()) for row in show.counts(letters)]
    since = "2026-03-02T07:00:00.000+00:00"
    assert rows == [
        ("delivery", "orders", "subject-unknown", 1, 1, 1, since),
        ("privacy", "orders", "tombstone", 1, 0, 0, since),
    ]


def test_last_decision_counts() -> None:
    said = [a_decision("delivery/0/0", "discarded", reason="test"), a_decision("delivery/0/0")]
    (letter,) = letters_in([a_letter(), *said])
    assert letter.decision is not None
    assert letter.decision.outcome == "replayed"


def test_what_is_no_decision_decides_nothing() -> None:
    (letter,) = letters_in(
        [a_letter(), timed(a_record(b"{}", topic=DECISIONS)), timed(a_record(None, topic=DECISIONS))]
    )
    assert letter.decision is None


def test_alert_sees_how_many_wait_and_how_long() -> None:
    letters = letters_in([a_letter(), a_letter(offset=1), a_decision("delivery/0/1")])
    text = show.metrics(letters, NOON + timedelta(seconds=90))
    labels = '{code="subject-unknown",service="delivery",topic="orders"}'
    assert f"sealed_dead_letters_undecided{labels} 1.0" in text
    assert f"sealed_dead_letters_oldest_undecided_seconds{labels} 90.0" in text
    decided = show.metrics(letters_in([a_letter(), a_decision("delivery/0/0")]), NOON)
    assert f"sealed_dead_letters_oldest_undecided_seconds{labels} 0.0" in decided
