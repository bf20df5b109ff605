"""What the registers' pages do with what is typed, and with what is not there."""

import csv
import io
import re

import pytest

from deploy.local.stack import LocalStack
from services.privacy.console.disclosure_pages import csv_of
from services.privacy.console.disclosure_register_store import Disclosure
from shared.messaging.cloudevents import new_id
from shared.stores.mongo import Client
from tests.builders import NOON
from tests.integration.privacy.a_console import PrivacyService, Visitor

pytestmark = pytest.mark.integration

SCRIPT = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>"
DEMAND = {
    "body": "Қиялдағы сот",
    "legal_ground": "court",
    "article": "АПК 73-бап",
    "document": "7512-26",
    "document_date": "2026-03-02",
    "fields": "phone",
}


@pytest.fixture
def service(stores: LocalStack, mongo: Client) -> PrivacyService:
    return PrivacyService(stores, mongo)


@pytest.fixture
async def officer(service: PrivacyService) -> Visitor:
    return await service.member("officer")


@pytest.mark.parametrize(
    "path",
    [
        "/console/policy/versions/1999-01",
        "/console/policy/changes/1",
        "/console/policy/changes/99999",
    ],
)
async def test_what_is_not_on_a_register_is_not_found(officer: Visitor, path: str) -> None:
    assert (await officer.get(path)).status_code == 404


@pytest.mark.parametrize(
    "query", ["", "recipient=nobody", "since=yesterday&until=", "recipient=%24ne&since=2026-01-01", "page=10000"]
)
async def test_a_filter_that_is_none_filters_nothing_and_breaks_nothing(officer: Visitor, query: str) -> None:
    for page in ("disclosures", "disclosures.csv"):
        assert (await officer.get(f"/console/{page}?{query}")).status_code == 200


@pytest.mark.parametrize("name", ["body", "article", "document"])
async def test_what_an_officer_types_stays_text_on_every_page_that_shows_it(
    service: PrivacyService, officer: Visitor, name: str
) -> None:
    demand = {**DEMAND, name: SCRIPT[:40]}
    answer = await officer.post(f"/console/people/{new_id()}/state-disclosures", **demand)
    assert answer.status_code == 303, answer.text
    proposal = answer.headers["location"]
    approver = await service.member("approver")
    shown = (await approver.get(proposal)).text
    await approver.post(proposal, verdict="approved")
    shown += (await approver.get("/console/disclosures?recipient=state_bodies")).text
    assert shown.count("&lt;script&gt;alert(1)") >= 2
    assert "<script>alert" not in shown


@pytest.mark.parametrize(
    ("name", "typed"),
    [
        ("body", ""),
        ("body", "Court, +7 700 000 00 42"),
        ("legal_ground", "curiosity"),
        ("document", "000101500042"),
        ("document_date", "2999-01-01"),
        ("document_date", SCRIPT),
        ("fields", "ip_address"),
        ("fields", "iin"),
    ],
)
async def test_a_demand_that_breaks_a_rule_is_refused_beside_its_field_and_nothing_typed_is_lost(
    officer: Visitor, name: str, typed: str
) -> None:
    answer = await officer.post(f"/console/people/{new_id()}/state-disclosures", **{**DEMAND, name: typed})
    assert answer.status_code == 422
    assert f'id="{name}-error"' in answer.text
    assert len(re.findall(r'id="\w+-error"', answer.text)) == 1
    kept = [value for other, value in DEMAND.items() if other not in (name, "fields")]
    assert all(value in answer.text for value in kept)
    assert "<script>alert" not in answer.text


@pytest.mark.parametrize("begins", ["=", "+", "-", "@", "\t"])
def test_a_cell_is_no_formula(begins: str) -> None:
    disclosure = Disclosure(
        disclosure_id=new_id(),
        subject_id=new_id(),
        recipient="state_bodies",
        fields=("phone", "email"),
        purpose="art. 9",
        basis="clause 4.3.2",
        disclosed_at=NOON,
        recipient_name=f'{begins}HYPERLINK("//example.com")',
    )
    text = csv_of([disclosure])
    (line,) = csv.DictReader(io.StringIO(text))
    assert line["recipient_name"] == f"'{disclosure.recipient_name}"
    assert (line["disclosed_at"], line["fields"], line["document"]) == ("2026-03-02T07:00:00+00:00", "phone email", "")
    assert disclosure.subject_id not in text
    assert disclosure.disclosure_id not in text
