"""Another replica stored the same person a moment earlier: the act begins again and finds them. Nothing else is tried
again: it would fail the same way."""

import itertools
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from pymongo.errors import BulkWriteError

from services.intake.keyring_store import KeyringStore
from tests.integration.intake.an_intake import Intake, somebody

pytestmark = pytest.mark.integration

STORED_ALREADY, REFUSED = 11000, 121
NUMBERS = itertools.count(9_800)
Act = Callable[[], Awaitable[Any]]


async def ordering(intake: Intake) -> Act:
    person = somebody(next(NUMBERS))
    return lambda: intake.place(person=person)


async def asking_for_a_call(intake: Intake) -> Act:
    phone = somebody(next(NUMBERS)).phone
    return lambda: intake.ask_for_a_call(phone)


async def correcting(intake: Intake) -> Act:
    person, new = somebody(next(NUMBERS)), somebody(next(NUMBERS)).phone
    visitor = intake.signed_in((await intake.place(person=person)).subject_id, person)
    return lambda: intake.correct(visitor, "phone", new)


def failing_once(monkeypatch: pytest.MonkeyPatch, code: int) -> list[int]:
    """The first write of the blind index fails with MongoDB's code. Returns a list with an item for each write."""
    writes: list[int] = []
    point = KeyringStore.point

    async def write(*arguments: Any) -> None:
        writes.append(code)
        if len(writes) == 1:
            raise BulkWriteError({"writeErrors": [{"index": 0, "code": code}]})
        await point(*arguments)

    monkeypatch.setattr(KeyringStore, "point", write)
    return writes


@pytest.mark.parametrize("act_of", [ordering, asking_for_a_call, correcting])
@pytest.mark.parametrize("code", [STORED_ALREADY, REFUSED])
async def test_what_was_stored_already_is_found_and_what_was_refused_stays_refused(
    intake: Intake, monkeypatch: pytest.MonkeyPatch, act_of: Callable[[Intake], Awaitable[Act]], code: int
) -> None:
    act = await act_of(intake)
    writes = failing_once(monkeypatch, code)
    if code == STORED_ALREADY:
        assert await act()
        assert len(writes) == 2
    else:
        with pytest.raises(BulkWriteError):
            await act()
        assert len(writes) == 1
