"""A code counts once, for ten minutes and five tries, where it was asked for; and so many codes a contact."""

import asyncio
import itertools
from datetime import timedelta

import bson
import pytest

from services.intake.contact import Contact
from services.intake.my_data import one_time_codes
from services.intake.my_data.code_store import COLLECTION, MOST_TRIES, CodeStore
from services.intake.my_data.one_time_codes import LIMITS, OneTimeCodes
from shared.pages.attempts import Attempts
from tests.builders import NOON
from tests.integration.intake.an_intake import Intake

pytestmark = pytest.mark.integration

TEN_MINUTES = timedelta(minutes=10)
_numbers = itertools.count(1)


def a_contact() -> Contact:
    return Contact("phone", f"+7700300{next(_numbers):04}")


def codes_of(intake: Intake) -> OneTimeCodes:
    store = CodeStore(intake.database, intake.policy.kept("intake", COLLECTION))
    return OneTimeCodes(store, intake.people, Attempts(intake.database))


def another(digits: str | None) -> str:
    return f"{(int(digits or 0) + 1) % 10**6:06}"


async def test_the_right_code_confirms_its_contact_and_does_so_once(intake: Intake) -> None:
    codes, contact = codes_of(intake), a_contact()
    made = await codes.make(contact, NOON)
    confirmed = await codes.check(made.attempt_id, f" {made.digits} ", NOON)
    assert confirmed is not None
    assert confirmed.entry == made.entry == intake.people.entry("phone", contact.value)
    assert await codes.check(made.attempt_id, str(made.digits), NOON) is None


async def test_of_two_who_type_it_at_once_one_is_let_in(intake: Intake) -> None:
    codes = codes_of(intake)
    made = await codes.make(a_contact(), NOON)
    typed = [codes.check(made.attempt_id, str(made.digits), NOON) for _ in range(4)]
    assert sum(confirmed is not None for confirmed in await asyncio.gather(*typed)) == 1


async def test_after_five_wrong_tries_the_right_code_is_wrong_too(intake: Intake) -> None:
    codes = codes_of(intake)
    made, spared = await codes.make(a_contact(), NOON), await codes.make(a_contact(), NOON)
    for attempt, tries in ((made, MOST_TRIES), (spared, MOST_TRIES - 1)):
        for _ in range(tries):
            assert await codes.check(attempt.attempt_id, another(attempt.digits), NOON) is None
    assert await codes.check(made.attempt_id, str(made.digits), NOON) is None
    assert await codes.check(spared.attempt_id, str(spared.digits), NOON) is not None


async def test_it_is_good_for_ten_minutes_whether_or_not_mongodb_has_cleared_up(intake: Intake) -> None:
    codes = codes_of(intake)
    made, later = await codes.make(a_contact(), NOON), await codes.make(a_contact(), NOON)
    just_before = NOON + TEN_MINUTES - timedelta(seconds=1)
    assert await codes.check(made.attempt_id, str(made.digits), just_before) is not None
    assert await codes.check(later.attempt_id, str(later.digits), NOON + TEN_MINUTES) is None


@pytest.mark.parametrize("typed", ["", "abc", "0" * 600, "\0", "½½½½½½"])
async def test_what_is_no_code_is_wrong_and_no_fault(intake: Intake, typed: str) -> None:
    codes = codes_of(intake)
    made = await codes.make(a_contact(), NOON)
    assert await codes.check(made.attempt_id, typed, NOON) is None
    assert await codes.check("no such attempt", typed, NOON) is None


async def test_a_code_does_not_count_for_another_attempt(intake: Intake) -> None:
    codes, contact = codes_of(intake), a_contact()
    first, second = await codes.make(contact, NOON), await codes.make(contact, NOON)
    if first.digits != second.digits:
        assert await codes.check(second.attempt_id, str(first.digits), NOON) is None
    assert await codes.check(first.attempt_id, str(first.digits), NOON) is not None


@pytest.mark.parametrize(
    ("limit", "most", "within"), [("code", 3, timedelta(minutes=15)), ("code-day", 10, timedelta(days=1))]
)
async def test_a_contact_gets_so_many_codes_in_that_time_and_another_one_its_own(
    intake: Intake, monkeypatch: pytest.MonkeyPatch, limit: str, most: int, within: timedelta
) -> None:
    """One too many is not sent, and its five tries are no guesses: it is wrong even where it is guessed."""
    assert LIMITS[limit] == (most, within)
    monkeypatch.setattr(one_time_codes, "LIMITS", {limit: LIMITS[limit]})
    monkeypatch.setattr(one_time_codes.secrets, "randbelow", lambda _: 42)
    codes, contact = codes_of(intake), a_contact()
    made = [await codes.make(contact, NOON) for _ in range(most + 1)]
    assert [item.digits for item in made] == ["000042"] * most + [None]
    assert (await codes.make(a_contact(), NOON)).digits is not None
    assert await codes.check(made[-1].attempt_id, "000042", NOON) is None
    assert await codes.check(made[-2].attempt_id, "000042", NOON) is not None


async def test_whoever_proved_a_contact_may_ask_again_as_often_as_at_first(intake: Intake) -> None:
    codes, contact = codes_of(intake), a_contact()
    for _ in range(2 * LIMITS["code-day"][0]):
        made = await codes.make(contact, NOON)
        assert await codes.check(made.attempt_id, str(made.digits), NOON) is not None


async def test_neither_code_nor_contact_is_kept_in_clear(intake: Intake) -> None:
    codes, contact = codes_of(intake), a_contact()
    made = await codes.make(contact, NOON)
    kept = await intake.document(COLLECTION, made.attempt_id)
    assert set(kept) == {"_id", "channel", "entry", "code", "tries", "created_at"}
    assert str(made.digits) not in kept["code"] + kept["entry"]
    for _, document in await intake.everything():
        assert contact.value.encode() not in bson.encode(document)
    assert str(made.digits) not in repr(made)
