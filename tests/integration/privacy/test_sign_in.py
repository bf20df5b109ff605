"""Signing in to the console: three parts, no hint which was wrong, no code twice, no end of guesses."""

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest
from argon2 import extract_parameters
from argon2.profiles import RFC_9106_LOW_MEMORY

from services.privacy.console.account_store import COLLECTION, FIRST_PAUSE, LONGEST_PAUSE, TRIES, NameTaken
from services.privacy.console.accounts import NoSuchAccount, NotUsable
from services.privacy.console.one_time_code import OneTimeSecrets, SecretUnreadable
from services.privacy.console.passwords import Passwords
from services.privacy.console.sign_in import Refused, SecretToShow, SignedIn
from shared.stores.mongo import Database
from tests.builders import NOON, at
from tests.integration.privacy.a_console import Desk, a_desk

pytestmark = pytest.mark.integration
NAME, PASSWORD = "aigerim", "correct horse battery"
WRONG = "another horse, no battery"


@pytest.fixture
async def desk(database: Database, tmp_path: Path) -> Desk:
    desk = await a_desk(database, tmp_path)
    await desk.accounts.add(NAME, "officer", NOON, PASSWORD)
    return desk


async def enrolled(desk: Desk) -> None:
    """The person signed in the day before."""
    before = NOON - timedelta(days=1)
    shown = await desk.sign_in.try_password(NAME, PASSWORD, "", before)
    assert isinstance(shown, SecretToShow)
    code = await desk.accounts.present_code(NAME, before)
    assert isinstance(await desk.sign_in.try_first_code(shown.account.account_id, code, before), SignedIn)


async def test_the_first_time_the_secret_is_shown_and_later_never(desk: Desk) -> None:
    await enrolled(desk)
    assert await desk.sign_in.try_password(NAME, PASSWORD, "", NOON) == Refused()
    code = await desk.accounts.present_code(NAME, NOON)
    done = await desk.sign_in.try_password(NAME, PASSWORD, code, NOON)
    assert isinstance(done, SignedIn)
    assert (done.staff.name, done.staff.role) == (NAME, "officer")


@pytest.mark.parametrize(
    ("name", "password", "right_code"),
    [(NAME, WRONG, True), (NAME, PASSWORD, False), ("nobody", PASSWORD, True), ("", "", False)],
)
async def test_whatever_is_wrong_the_answer_is_the_same(desk: Desk, name: str, password: str, right_code: bool) -> None:
    await enrolled(desk)
    code = await desk.accounts.present_code(NAME, NOON) if right_code else "000000"
    assert await desk.sign_in.try_password(name, password, code, NOON) == Refused()


async def test_a_code_is_used_once(desk: Desk) -> None:
    await enrolled(desk)
    code = await desk.accounts.present_code(NAME, NOON)
    tries = [desk.sign_in.try_password(NAME, PASSWORD, code, at(number)) for number in range(3)]
    outcomes = await asyncio.gather(*tries)
    assert sum(isinstance(outcome, SignedIn) for outcome in outcomes) == 1


async def test_an_older_code_is_not_taken_after_a_newer_one(desk: Desk) -> None:
    await enrolled(desk)
    older, newer = await desk.accounts.present_code(NAME, NOON), await desk.accounts.present_code(NAME, at(30))
    assert isinstance(await desk.sign_in.try_password(NAME, PASSWORD, newer, at(30)), SignedIn)
    assert await desk.sign_in.try_password(NAME, PASSWORD, older, at(31)) == Refused()


@pytest.mark.parametrize(("seconds", "fits"), [(-61, False), (-30, True), (30, True), (61, False)])
async def test_a_phone_s_clock_may_be_off_by_one_step(desk: Desk, seconds: int, fits: bool) -> None:
    await enrolled(desk)
    code = await desk.accounts.present_code(NAME, at(seconds))
    assert isinstance(await desk.sign_in.try_password(NAME, PASSWORD, code, NOON), SignedIn) == fits


@pytest.mark.parametrize(("name", "password"), [(NAME, WRONG), ("nobody", WRONG)])
async def test_an_unknown_name_costs_a_hash_as_a_known_one_does(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, name: str, password: str
) -> None:
    verify, costs = Passwords._verify, []

    def counted(self: Passwords, password: str, hashed: str) -> bool:
        costs.append(extract_parameters(hashed))
        return verify(self, password, hashed)

    monkeypatch.setattr(Passwords, "_verify", counted)
    assert await desk.sign_in.try_password(name, password, "", NOON) == Refused()
    assert costs == [RFC_9106_LOW_MEMORY]


async def test_after_wrong_tries_even_the_right_ones_wait(desk: Desk) -> None:
    await enrolled(desk)
    for _ in range(TRIES):
        assert await desk.sign_in.try_password(NAME, WRONG, "000000", NOON) == Refused()
    code = await desk.accounts.present_code(NAME, at(1))
    assert await desk.sign_in.try_password(NAME, PASSWORD, code, at(1)) == Refused()
    later = NOON + FIRST_PAUSE + timedelta(seconds=1)
    code = await desk.accounts.present_code(NAME, later)
    assert isinstance(await desk.sign_in.try_password(NAME, PASSWORD, code, later), SignedIn)


async def test_the_last_try_before_the_pause_may_be_right(desk: Desk) -> None:
    await enrolled(desk)
    for _ in range(TRIES - 1):
        await desk.sign_in.try_password(NAME, WRONG, "000000", NOON)
    code = await desk.accounts.present_code(NAME, NOON)
    assert isinstance(await desk.sign_in.try_password(NAME, PASSWORD, code, NOON), SignedIn)


async def test_each_further_wrong_try_waits_longer_but_never_for_ever(desk: Desk, database: Database) -> None:
    now, pauses = NOON, []
    for _ in range(TRIES + 6):
        await desk.sign_in.try_password(NAME, WRONG, "000000", now)
        (account,) = await desk.accounts.store.all()
        if account.locked_until:
            pauses.append(account.locked_until - now)
            now = account.locked_until
    assert pauses[:3] == [FIRST_PAUSE, 2 * FIRST_PAUSE, 4 * FIRST_PAUSE]
    assert pauses[-1] == LONGEST_PAUSE


async def test_guesses_at_the_same_moment_are_counted_too(desk: Desk, database: Database) -> None:
    await asyncio.gather(*(desk.sign_in.try_password(NAME, WRONG, "000000", NOON) for _ in range(2 * TRIES)))
    document = await database[COLLECTION].find_one({"name": NAME})
    assert document is not None
    assert document["locked_until"] > NOON


async def test_wrong_first_codes_are_tries_too(desk: Desk) -> None:
    shown = await desk.sign_in.try_password(NAME, PASSWORD, "", NOON)
    assert isinstance(shown, SecretToShow)
    for _ in range(TRIES):
        assert await desk.sign_in.try_first_code(shown.account.account_id, "000000", NOON) == Refused()
    code = await desk.accounts.present_code(NAME, NOON)
    assert await desk.sign_in.try_first_code(shown.account.account_id, code, NOON) == Refused()


async def test_a_disabled_person_is_refused_until_reset(desk: Desk) -> None:
    await enrolled(desk)
    await desk.accounts.disable(NAME, NOON)
    code = await desk.accounts.present_code(NAME, NOON)
    assert await desk.sign_in.try_password(NAME, PASSWORD, code, NOON) == Refused()
    given = await desk.accounts.reset(NAME)
    assert await desk.sign_in.try_password(NAME, PASSWORD, "", at(1)) == Refused()
    assert isinstance(await desk.sign_in.try_password(NAME, given.password, "", at(1)), SecretToShow)


async def test_at_rest_there_is_neither_password_nor_secret(desk: Desk, database: Database, tmp_path: Path) -> None:
    document = await database[COLLECTION].find_one({"name": NAME})
    assert document is not None
    (account,) = await desk.accounts.store.all()
    assert account.one_time_sealed is not None
    _, secret = desk.accounts.secrets.picture(account.one_time_sealed, account.account_id, NAME)
    assert PASSWORD not in repr(document)
    assert secret.encode() not in bytes(document["one_time_sealed"])
    assert document["password_hash"].startswith("$argon2id$")
    with pytest.raises(SecretUnreadable):  # bound to its account: no other account takes it
        OneTimeSecrets.from_folder(tmp_path).present_code(account.one_time_sealed, "another", NOON)


async def test_names_are_taken_once_and_passwords_are_long(desk: Desk) -> None:
    with pytest.raises(NameTaken):
        await desk.accounts.add(NAME, "approver", NOON)
    with pytest.raises(NotUsable):
        await desk.accounts.add("another", "officer", NOON, "short")
    with pytest.raises(NoSuchAccount):
        await desk.accounts.disable("nobody", NOON)


async def test_an_identity_providers_person_keeps_one_account(desk: Desk) -> None:
    store = desk.accounts.store
    first = await store.of_identity("https://id.example.kz one", NAME, "officer", NOON)
    again = await store.of_identity("https://id.example.kz one", "renamed", "approver", at(1))
    assert (again.account_id, again.role, again.name) == (first.account_id, "approver", "renamed")
    assert await desk.sign_in.try_password("renamed", "", "", NOON) == Refused()
