"""Figures for Prometheus are what the store holds: cases by state, the nearest deadline, stores that are silent."""

import math
from collections.abc import Iterator
from datetime import date, timedelta

import pytest
from prometheus_client import REGISTRY

from services.privacy.answer_store import Answer, AnswerStore
from services.privacy.case import Case
from services.privacy.case_store import CaseStore
from services.privacy.mailbox.application import Application
from services.privacy.mailbox.application_store import ApplicationStore
from services.privacy.mailbox.measure_applications import ApplicationMeasures
from services.privacy.measure_cases import SILENT_AFTER, CaseMeasures
from shared.stores.mongo import Client, Database, in_transaction
from tests.builders import NOON
from tests.unit.privacy.a_case import STORES, a_case, an_opened_case, receipts, restricted, told

LATER = NOON + SILENT_AFTER + timedelta(minutes=1)


def shown(name: str, **labels: str) -> float | None:
    return REGISTRY.get_sample_value(f"sealed_{name}", labels)


def missing() -> dict[str, float | None]:
    return {store: shown("receipts_missing", store=store) for store in STORES}


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    """No figure of another test."""
    yield
    for collector in ("sealed_cases_open", "sealed_receipts_missing", "sealed_deadline_working_days_left"):
        REGISTRY._names_to_collectors[collector].clear()  # type: ignore[attr-defined]


async def saved(mongo: Client, database: Database, *cases: Case) -> CaseMeasures:
    store = CaseStore(database)
    await store.ensure_indexes()
    if cases:
        await in_transaction(mongo, lambda session: store.save(cases, session))
    return CaseMeasures(store, AnswerStore(database), STORES)


async def test_open_cases_are_counted_by_state_and_states_without_one_are_zero(
    mongo: Client, database: Database
) -> None:
    one, two = a_case(case_id="1" * 32), a_case(case_id="2" * 32, state="deferred")
    closed = a_case(case_id="3" * 32, state="closed", closed_at=NOON)
    await (await saved(mongo, database, one, two, closed)).measure(NOON)
    counts = {state: shown("cases_open", state=state) for state in ("restricting", "deferred", "erasing", "closed")}
    assert counts == {"restricting": 1, "deferred": 1, "erasing": 0, "closed": None}


async def test_nearest_deadline_is_of_the_open_cases_in_working_days(mongo: Client, database: Database) -> None:
    far = a_case(case_id="1" * 32, deadline=NOON.date() + timedelta(days=90))
    near = a_case(case_id="2" * 32, deadline=date(2026, 4, 16))
    closed = a_case(case_id="3" * 32, state="closed", closed_at=NOON, deadline=NOON.date())
    measures = await saved(mongo, database, far, near, closed)
    left = {}
    for day in (date(2026, 4, 14), date(2026, 4, 16), date(2026, 4, 17)):
        await measures.measure(NOON.replace(year=day.year, month=day.month, day=day.day))
        left[day] = shown("deadline_working_days_left", of="case")
    assert list(left.values()) == [2, 0, -1]


async def test_without_an_open_case_there_is_no_deadline(mongo: Client, database: Database) -> None:
    await (await saved(mongo, database)).measure(NOON)
    assert math.isnan(shown("deadline_working_days_left", of="case") or 0)


async def test_a_store_is_missing_when_its_case_has_waited_an_hour_without_its_answer(
    mongo: Client, database: Database
) -> None:
    case = an_opened_case()
    measures = await saved(mongo, database, case)
    await measures.measure(NOON + SILENT_AFTER - timedelta(minutes=1))
    assert missing() == dict.fromkeys(STORES, 0)
    await AnswerStore(database).keep([Answer(case.case_id, case.subject_id, "intake", 0, {})])
    await measures.measure(LATER)
    assert missing() == {"intake": 0, "delivery": 1, "notifications": 1, "privacy": 1}


async def test_answers_of_an_earlier_round_are_not_of_this_one(mongo: Client, database: Database) -> None:
    case, _ = told(an_opened_case(), *restricted(), *receipts(1, ("intake",)))
    assert case.round == 1
    measures = await saved(mongo, database, case)
    await AnswerStore(database).keep([Answer(case.case_id, case.subject_id, "delivery", 0, {})])
    await measures.measure(LATER)
    assert missing() == {"intake": 0, "delivery": 1, "notifications": 1, "privacy": 1}


async def test_being_asked_again_makes_a_case_no_younger(mongo: Client, database: Database) -> None:
    case = an_opened_case()
    measures = await saved(mongo, database, case)
    await CaseStore(database).touch([case.case_id], LATER)
    await measures.measure(LATER)
    assert missing() == dict.fromkeys(STORES, 1)


async def test_applications_are_counted_by_state_and_the_oldest_that_a_person_wrote_has_the_deadline(
    database: Database,
) -> None:
    def application(name: str, **more: object) -> Application:
        fields = {"received_at": NOON, "taken_at": NOON, "moved_at": NOON, "validity": 1, "uids": (int(name),), **more}
        return Application.model_validate({"application_id": name * 32, **fields})

    store = ApplicationStore(database)
    await store.take(
        [
            application("1"),
            application("2", state="proof_asked", received_at=NOON - timedelta(days=30)),
            application("3", received_at=NOON - timedelta(days=300), automatic=True),
            application("4", received_at=NOON - timedelta(days=300), state="answered"),
        ]
    )
    await ApplicationMeasures(store, 15).measure(NOON)
    counts = {state: shown("applications_waiting", state=state) for state in ("new", "matched", "proof_asked")}
    assert counts == {"new": 2, "matched": 0, "proof_asked": 1}
    assert -40 < (shown("deadline_working_days_left", of="application") or 0) < 0
