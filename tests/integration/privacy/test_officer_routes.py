"""The officer's HTTP interface: find a person, open a case, watch it, take its certificate."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from deploy.local.stack import LocalStack
from services.privacy import find_subject
from services.privacy.keyring_keeper import KeyringKeeper
from services.privacy.routes import OfficerRoutes
from shared.messaging.cloudevents import new_id
from shared.policy.working_days import ALMATY, deadline
from shared.sealing.people_index import PeopleIndex
from shared.stores.keyring_view import DATABASE, PEOPLE
from shared.stores.mongo import Client
from tests.bare_app import bare_app
from tests.integration.privacy.an_office import PERSON, POLICY, Office, Person

pytestmark = pytest.mark.integration
TOKEN = "officer's token"
STRANGER = "+77000000099"


@asynccontextmanager
async def officer_of(office: Office) -> AsyncIterator[httpx.AsyncClient]:
    privacy = office.privacy
    app = bare_app()
    routes = OfficerRoutes(
        token=SecretStr(TOKEN),
        withdrawals=privacy.withdrawals,
        cases=privacy.cases,
        answers=privacy.answers,
        certificates=privacy.certificates,
        ledger=privacy.ledger,
        keyring=KeyringKeeper(office.client),
        orders=privacy.orders,
        people=PeopleIndex.from_folder(office.keys_root / "privacy"),
        policy=POLICY,
        clock=lambda: office.clock(),
    )
    app.include_router(routes.router)
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app, raise_app_exceptions=False),
        base_url="http://privacy",
        headers={"authorization": f"Bearer {TOKEN}"},
    ) as client:
        yield client


@pytest.fixture
async def officer(office: Office) -> AsyncIterator[httpx.AsyncClient]:
    async with officer_of(office) as client:
        yield client


@pytest.fixture(scope="module")
async def idle(mongo: Client, stores: LocalStack) -> AsyncIterator[httpx.AsyncClient]:
    """The officer of an office where nothing happens: for requests that must change nothing."""
    office = Office(mongo, stores)
    async with officer_of(office) as client:
        yield client
    assert await office.database("privacy").list_collection_names() == []
    await office.close()


async def known(office: Office, person: Person, phone: str, email: str) -> None:
    """As intake keeps the index; the same made-up person may be there from another test."""
    index = PeopleIndex.from_folder(office.keys_root / "intake")
    for entry in (index.entry("phone", phone), index.entry("email", email)):
        await office.client[DATABASE][PEOPLE].update_one(
            {"_id": entry}, {"$set": {"subject_id": person.subject_id}}, upsert=True
        )


async def withdraw(officer: httpx.AsyncClient, status: int = 202, **request: Any) -> dict[str, Any]:
    answer = await officer.post("/v1/withdrawals", json=request)
    assert answer.status_code == status, answer.text
    body: dict[str, Any] = answer.json()
    return body


@pytest.mark.parametrize(
    "find", [{"phone": "8 700 000 00 42"}, {"email": " Aqbope.Sydyqbek@Example.kz"}, {"order_id": None}], ids=str
)
async def test_person_is_found_by_phone_email_or_order(
    officer: httpx.AsyncClient, office: Office, find: dict[str, Any]
) -> None:
    [person] = await office.arrive(1, open_order=False)
    await known(office, person, PERSON.phone, PERSON.email)
    find = {"order_id": person.order_id} if "order_id" in find else find
    opened = await withdraw(officer, find=find)
    assert (await officer.get(f"/v1/cases/{opened['case_id']}")).json()["subject_id"] == person.subject_id
    assert (await withdraw(officer, find={"order_id": person.order_id}))["case_id"] == opened["case_id"]


async def test_deadline_counts_from_receipt_in_working_days_of_almaty(
    officer: httpx.AsyncClient, office: Office
) -> None:
    [person] = await office.arrive(1, open_order=False)
    received_at = "2026-03-02T21:30:00Z"  # the third of March, half past two at night
    opened = await withdraw(officer, find={"order_id": person.order_id}, received_at=received_at)
    third = datetime(2026, 3, 3, 12, tzinfo=ALMATY)
    assert opened["deadline"] == deadline(third, 15).isoformat() != deadline(third - timedelta(days=1), 15).isoformat()


async def test_request_is_dated_by_the_servers_clock(officer: httpx.AsyncClient, office: Office) -> None:
    async def server() -> datetime:
        return datetime(2026, 3, 3, 12, tzinfo=ALMATY)

    [person] = await office.arrive(1, open_order=False)
    office.clock = server
    opened = await withdraw(officer, find={"order_id": person.order_id})
    assert opened["deadline"] == deadline(await server(), 15).isoformat()


async def test_case_shows_its_course_and_then_its_certificate(officer: httpx.AsyncClient, office: Office) -> None:
    [person] = await office.arrive(1, open_order=True)
    case_id = (await withdraw(officer, find={"order_id": person.order_id}))["case_id"]
    await office.run()
    shown = (await officer.get(f"/v1/cases/{case_id}")).json()
    assert (shown["state"], shown["open_orders"]) == ("deferred", [person.order_id])
    assert shown["deferrals"][0]["settled_at"] is None
    assert "art. 8(2)" in shown["deferrals"][0]["reason"]
    answer = await officer.get(f"/v1/cases/{case_id}/certificate")
    assert (answer.status_code, answer.json()["title"]) == (409, "No certificate yet")
    await office.settle(person)
    await office.run()
    shown = (await officer.get(f"/v1/cases/{case_id}")).json()
    assert shown["state"] == "closed"
    assert set(shown["receipts"]) == {"1", "2", "3"}
    assert shown["working_days_left"] is None
    assert (await officer.get(f"/v1/cases/{case_id}/certificate")).json()["case_id"] == case_id
    assert not [value for value in (PERSON.email, PERSON.phone, PERSON.given_name) if value in str(shown)]


async def test_receipts_are_shown_as_they_come_in(officer: httpx.AsyncClient, office: Office) -> None:
    [person] = await office.arrive(1, open_order=False)
    case_id = (await withdraw(officer, find={"order_id": person.order_id}))["case_id"]
    commands = await office.collect()
    await office.dispatch([item for item in commands if item.event.store in ("intake", "delivery")])
    await office.dispatch(await office.collect())
    shown = (await officer.get(f"/v1/cases/{case_id}")).json()
    assert (shown["state"], set(shown["restricted"])) == ("restricting", {"intake", "delivery"})


async def test_open_cases_come_first_the_nearest_deadline_before_others(
    officer: httpx.AsyncClient, office: Office
) -> None:
    people = await office.arrive(3, open_order=True)
    [done] = await office.arrive(1, open_order=False)
    closed = (await withdraw(officer, find={"order_id": done.order_id}))["case_id"]
    await office.run()
    days = (1, 9, 5)
    ids = [
        (
            await withdraw(
                officer,
                find={"order_id": person.order_id},
                received_at=(datetime.now(UTC) - timedelta(days=day)).isoformat(),
            )
        )["case_id"]
        for person, day in zip(people, days, strict=True)
    ]
    listed = (await officer.get("/v1/cases")).json()["cases"]
    assert [case["case_id"] for case in listed] == [ids[1], ids[2], ids[0], closed]
    assert [case["case_id"] for case in (await officer.get("/v1/cases?state=closed")).json()["cases"]] == [closed]
    page = (await officer.get("/v1/cases", params={"limit": 1, "skip": 1})).json()["cases"]
    assert [case["case_id"] for case in page] == [ids[2]]


async def test_ledger_is_verified_on_request(officer: httpx.AsyncClient, office: Office) -> None:
    [person] = await office.arrive(1, open_order=False)
    await withdraw(officer, find={"order_id": person.order_id})
    answer = await officer.get("/v1/ledger/verification")
    assert (answer.status_code, answer.json()["holds"]) == (200, True)
    await office.database("privacy")["ledger"].update_one({"_id": 1}, {"$set": {"what": "nothing"}})
    answer = await officer.get("/v1/ledger/verification")
    assert (answer.status_code, answer.json()["title"]) == (409, "The ledger was changed")


@pytest.mark.parametrize("find", [{"phone": STRANGER}, {"email": "nobody@example.kz"}, {"order_id": "0" * 32}], ids=str)
async def test_nobody_is_found_without_saying_who_was_looked_for(
    idle: httpx.AsyncClient, find: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(find_subject, "ORDER_EVENT_WAIT_SECONDS", 0.3)
    body = await withdraw(idle, 404, find=find)
    assert not [value for value in find.values() if value in str(body)]


FIND = {"order_id": "0" * 32}
BAD: list[tuple[dict[str, Any], str]] = [
    ({}, "find"),
    ({"find": {}}, "find"),
    ({"find": {"phone": STRANGER, "email": "nobody@example.kz"}}, "find"),
    ({"find": {"phone": "Zzyzx"}}, "find.phone"),
    ({"find": {"phone": "+79161234567"}}, "find.phone"),
    ({"find": {"email": "Zzyzx@"}}, "find.email"),
    ({"find": {"order_id": "Zzyzx"}}, "find.order_id"),
    ({"find": {"name": "Zzyzx"}}, "find.name"),
    ({"find": FIND, "scope": "Zzyzx"}, "scope"),
    ({"find": FIND, "channel": "Zzyzx"}, "channel"),
    ({"find": FIND, "received_at": "Zzyzx"}, "received_at"),
    ({"find": FIND, "received_at": "2026-03-02T07:00:00"}, "received_at"),
    ({"find": FIND, "received_at": "2999-01-01T00:00:00Z"}, "received_at"),
    ({"find": FIND, "received_at": "0001-01-01T00:00:00+14:00"}, "received_at"),
    ({"find": FIND, "note": "Zzyzx"}, "note"),
]


@pytest.mark.parametrize(("request_", "field"), BAD, ids=[str(request) for request, _ in BAD])
async def test_bad_request_is_refused_by_field_and_rule(
    idle: httpx.AsyncClient, request_: dict[str, Any], field: str
) -> None:
    body = await withdraw(idle, 422, **request_)
    assert [error["field"] for error in body["errors"]] == [field]
    assert "Zzyzx" not in str(body)


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("/v1/cases?limit=0", "query.limit"),
        ("/v1/cases?limit=999", "query.limit"),
        ("/v1/cases?skip=-1", "query.skip"),
        (f"/v1/cases?skip={10**30}", "query.skip"),
        ("/v1/cases?state=Zzyzx", "query.state"),
        ("/v1/cases/Zzyzx", "path.case_id"),
        ("/v1/cases/Zzyzx/certificate", "path.case_id"),
    ],
)
async def test_bad_query_is_refused_by_field_and_rule(idle: httpx.AsyncClient, path: str, field: str) -> None:
    answer = await idle.get(path)
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == [field]
    assert "Zzyzx" not in answer.text


@pytest.mark.parametrize("path", ["", "/certificate"])
async def test_case_that_is_not_there(idle: httpx.AsyncClient, path: str) -> None:
    assert (await idle.get(f"/v1/cases/{new_id()}{path}")).status_code == 404


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/v1/withdrawals"),
        ("GET", "/v1/cases"),
        ("GET", f"/v1/cases/{'0' * 32}"),
        ("GET", f"/v1/cases/{'0' * 32}/certificate"),
        ("GET", "/v1/ledger/verification"),
    ],
)
async def test_everything_needs_the_officers_token(idle: httpx.AsyncClient, method: str, path: str) -> None:
    others = {"authorization": "Bearer shop's token"}
    assert (await idle.request(method, path, headers=others)).status_code == 403
    assert (await idle.request(method, path, headers={"authorization": ""})).status_code == 401
