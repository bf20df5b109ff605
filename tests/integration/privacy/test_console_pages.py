"""What the console shows and does, page by page."""

from datetime import UTC, datetime

import pytest

from deploy.local.stack import LocalStack
from services.privacy.ledger import COLLECTION as LEDGER
from shared.messaging.cloudevents import new_id
from shared.sealing.people_index import PeopleIndex
from shared.stores.keyring_view import DATABASE, PEOPLE, SUBJECTS
from shared.stores.mongo import Client
from tests.integration.privacy.a_console import PrivacyService, Visitor

pytestmark = pytest.mark.integration
PHONE, STRANGER = "+77000000042", "+77000000043"


@pytest.fixture
def service(stores: LocalStack, mongo: Client) -> PrivacyService:
    return PrivacyService(stores, mongo)


@pytest.fixture
async def officer(service: PrivacyService) -> Visitor:
    return await service.member("officer")


@pytest.fixture
async def approver(service: PrivacyService) -> Visitor:
    return await service.member("approver")


@pytest.fixture
async def subject_id(stores: LocalStack, mongo: Client) -> str:
    """Somebody the keyring knows by phone."""
    subject_id = new_id()
    entry = PeopleIndex.from_folder(stores.layout.keys / "privacy").entry("phone", PHONE)
    await mongo[DATABASE][PEOPLE].replace_one({"_id": entry}, {"subject_id": subject_id}, upsert=True)
    await mongo[DATABASE][SUBJECTS].insert_one({"_id": subject_id, "keys": {"intake": {"epoch": 1}}})
    return subject_id


async def proposed(service: PrivacyService, officer: Visitor, subject_id: str) -> str:
    """Path of a proposed withdrawal."""
    preview = (await officer.post(f"/console/people/{subject_id}/inspections")).headers["location"]
    await service.answer_inspection(preview, intake={"orders": {"matched": 2, "depersonalised": 2}})
    today = datetime.now(UTC).date().isoformat()
    answer = await officer.post(preview, scope="all", channel="phone", received_on=today)
    assert answer.status_code == 303, answer.text
    return str(answer.headers["location"])


async def test_every_page_shows_in_every_language(
    service: PrivacyService, officer: Visitor, approver: Visitor, subject_id: str
) -> None:
    proposal = await proposed(service, officer, subject_id)
    await approver.post(proposal, verdict="approved")
    preview = (await officer.post(f"/console/people/{subject_id}/inspections")).headers["location"]
    case = f"/console/cases/{proposal.split('/')[-1]}"
    pages = ["/console", "/console/cases", "/console/cases?view=all", case, "/console/find"]
    pages += [f"/console/people/{subject_id}", preview, "/console/proposals", proposal]
    for page in pages:
        for language in ("kk", "ru", "en"):
            answer = await officer.get(
                page, params={**dict(p.split("=") for p in page.split("?")[1:]), "lang": language}
            )
            assert answer.status_code == 200, (page, answer.text)
            assert f'<html lang="{language}">' in answer.text


async def test_a_search_is_on_the_ledger_with_its_reason_and_without_the_value(
    service: PrivacyService, officer: Visitor, subject_id: str
) -> None:
    found = await officer.post("/console/find", by="phone", value="8 700 000 00 42", reason="withdrawal")
    assert found.headers["location"] == f"/console/people/{subject_id}"
    missed = await officer.post("/console/find", by="phone", value=STRANGER, reason="check")
    assert missed.status_code == 404
    assert STRANGER in missed.text  # nothing typed is lost
    entries = [e async for e in service.database[LEDGER].find({"what": "person_searched"}).sort("_id", -1).limit(2)]
    assert [(entry["detail"]["reason"], entry["detail"]["found"]) for entry in entries] == [
        ("check", None),
        ("withdrawal", subject_id),
    ]
    assert PHONE not in repr(entries)
    assert "00 42" not in repr(entries)


@pytest.mark.parametrize(
    "form", [{"by": "phone", "value": "12", "reason": "check"}, {"by": "email", "value": PHONE, "reason": "check"}]
)
async def test_what_is_no_phone_or_address_is_told_beside_the_field(officer: Visitor, form: dict[str, str]) -> None:
    answer = await officer.post("/console/find", **form)
    assert answer.status_code == 422
    assert 'id="value-error"' in answer.text


async def test_nobody_proposes_before_every_store_has_answered(officer: Visitor, subject_id: str) -> None:
    preview = (await officer.post(f"/console/people/{subject_id}/inspections")).headers["location"]
    shown = await officer.get(preview)
    assert "Not answered yet" in shown.text
    assert "Delivery" in shown.text
    answer = await officer.post(preview, scope="all", channel="phone", received_on="2026-01-05")
    assert answer.status_code == 409


async def test_a_withdrawal_takes_two_people(
    service: PrivacyService, officer: Visitor, approver: Visitor, subject_id: str
) -> None:
    proposal = await proposed(service, officer, subject_id)
    assert await service.database["cases"].count_documents({"subject_id": subject_id}) == 0
    assert (await officer.post(proposal, verdict="approved")).status_code == 403
    assert "2</td>" in (await approver.get(proposal)).text  # the preview, as the officer saw it
    assert (await approver.post(proposal, verdict="approved")).status_code == 303
    case = await service.database["cases"].find_one({"subject_id": subject_id})
    assert case is not None
    assert (case["_id"], case["scope"], case["channel"]) == (proposal.split("/")[-1], "all", "phone")
    assert (await approver.post(proposal, verdict="refused", reason="wrong_person")).status_code == 409


async def test_a_refusal_needs_a_reason_and_opens_nothing(
    service: PrivacyService, officer: Visitor, approver: Visitor, subject_id: str
) -> None:
    proposal = await proposed(service, officer, subject_id)
    assert (await approver.post(proposal, verdict="refused")).status_code == 422
    assert (await approver.post(proposal, verdict="refused", reason="wrong_person")).status_code == 303
    assert "It is the wrong person" in (await officer.get(proposal)).text
    assert await service.database["cases"].count_documents({"subject_id": subject_id}) == 0


async def test_promotions_alone_need_nobody_else(service: PrivacyService, officer: Visitor, subject_id: str) -> None:
    preview = (await officer.post(f"/console/people/{subject_id}/inspections")).headers["location"]
    await service.answer_inspection(preview)
    today = datetime.now(UTC).date().isoformat()
    answer = await officer.post(preview, scope="promotions", channel="phone", received_on=today)
    assert answer.headers["location"].startswith("/console/cases/")
    case = await service.database["cases"].find_one({"subject_id": subject_id})
    assert case is not None
    assert case["scope"] == "promotions"


@pytest.mark.parametrize(
    "wrong", [{"channel": "pigeon"}, {"received_on": "2999-01-01"}, {"received_on": "yesterday"}, {"scope": "some"}]
)
async def test_a_wrong_field_is_told_and_the_others_stay(
    service: PrivacyService, officer: Visitor, subject_id: str, wrong: dict[str, str]
) -> None:
    preview = (await officer.post(f"/console/people/{subject_id}/inspections")).headers["location"]
    await service.answer_inspection(preview)
    form = {"scope": "all", "channel": "letter", "received_on": "2026-01-05", **wrong}
    answer = await officer.post(preview, **form)
    assert answer.status_code == 422
    assert 'class="error"' in answer.text
    if "received_on" not in wrong:
        assert 'value="2026-01-05"' in answer.text


async def test_a_refusal_of_a_request_is_proposed_with_its_ground(
    service: PrivacyService, officer: Visitor, approver: Visitor, subject_id: str
) -> None:
    answer = await officer.post(f"/console/people/{subject_id}/refusals", ground="identity_not_proven")
    await approver.post(answer.headers["location"], verdict="approved")
    assert "It is not proven who asks" in (await officer.get(answer.headers["location"])).text
    assert (await officer.post(f"/console/people/{subject_id}/refusals", ground="mood")).status_code == 422
    assert await service.database["cases"].count_documents({"subject_id": subject_id}) == 0
