"""Whether a message may go out: nothing to the erased and the restricted, promotions only with a live consent."""

import pytest

from services.notifications.choice_store import Choice
from services.notifications.message_store import GivenUp, Later, Refused, Sent
from services.notifications.send_messages import GIVE_UP_AFTER_ATTEMPTS, NotNow, may_send, settled
from shared.sealing.opener import Sealed
from tests.builders import NOON
from tests.unit.notifications.a_message import a_message, a_recipient

PROMOTION = {"kind": "promotion", "purpose": "3.2.8", "campaign": "spring"}


def test_a_message_about_an_order_needs_no_choice() -> None:
    assert isinstance(may_send(a_message(), a_recipient(), Choice()), Sealed)


def test_the_erased_are_not_written_to() -> None:
    assert may_send(a_message(subject_id=None), None, Choice()) == Refused("subject-erased")


@pytest.mark.parametrize(
    ("recipient", "choice"),
    [
        (a_recipient(restricted=True), Choice()),
        (a_recipient(), Choice(restricted=True)),
        (None, Choice(promotions=True, restricted=True)),
    ],
)
def test_the_restricted_are_not_written_to(recipient: object, choice: Choice) -> None:
    for message in (a_message(), a_message(**PROMOTION)):
        assert may_send(message, recipient, choice) == Refused("subject-restricted")  # type: ignore[arg-type]


def test_a_promotion_needs_a_live_consent() -> None:
    message = a_message(**PROMOTION)
    assert may_send(message, a_recipient(), Choice()) == Refused("no-promotions-consent")
    assert isinstance(may_send(message, a_recipient(), Choice(promotions=True)), Sealed)


def test_a_message_that_came_before_its_order_waits() -> None:
    assert may_send(a_message(), None, Choice()) == NotNow("order-not-known-yet")


def test_an_order_of_somebody_else_is_refused() -> None:
    assert may_send(a_message(subject_id="6" * 32), a_recipient(), Choice()) == Refused("subject-differs")


def test_without_an_envelope_there_is_nobody_to_write_to() -> None:
    assert may_send(a_message(), a_recipient(sealed=None), Choice()) == Refused("no-envelope")


def test_a_passing_fault_is_tried_again_with_back_off() -> None:
    delays = []
    for attempts in range(1, GIVE_UP_AFTER_ATTEMPTS):
        outcome = settled(NotNow("away"), attempts, NOON)
        assert isinstance(outcome, Later)
        delays.append((outcome.next_at - NOON).total_seconds())
    assert delays[0] <= 2
    assert 60 < delays[-1] <= 300


def test_a_fault_that_does_not_pass_is_given_up_in_the_end() -> None:
    assert settled(NotNow("away"), GIVE_UP_AFTER_ATTEMPTS, NOON) == GivenUp("away")


def test_what_is_settled_stays_as_it_is() -> None:
    for outcome in (Sent("g1"), Refused("no-phone")):
        assert settled(outcome, 1, NOON) is outcome
