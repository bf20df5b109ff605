"""A withdrawal is decided per purpose and per record, each with its ground."""

from datetime import UTC, date, datetime
from typing import Any

import pytest

from services.privacy.case import Case, Deferral
from services.privacy.decide_withdrawal import decisions
from shared.policy.load import load_policy

NOW = datetime(2026, 12, 11, 9, tzinfo=UTC)
ORDER = "0" * 31 + "7"


def a_case(**changes: Any) -> Case:
    case = Case(
        case_id="c" * 32,
        subject_id="5" * 32,
        scope="all",
        channel="officer",
        received_at=NOW,
        deadline=date(2027, 1, 6),
    )
    return case.model_copy(update=changes)


def outcomes(case: Case, what: str, by: str) -> dict[str, str]:
    return {item[by]: item["outcome"] for item in decisions(case, load_policy())[what]}


def test_with_nothing_open_every_purpose_is_accepted() -> None:
    assert set(outcomes(a_case(), "purposes", "purpose").values()) == {"accept"}


def test_an_open_order_defers_what_its_delivery_needs_and_names_it() -> None:
    case = a_case(deferrals=(Deferral(order_id=ORDER, since=NOW),))
    purposes = outcomes(case, "purposes", "purpose")
    assert {purpose for purpose, outcome in purposes.items() if outcome == "defer"} == {"3.2.2", "3.2.3"}
    deferred = [r for r in decisions(case, load_policy())["records"] if r["outcome"] == "defer"]
    assert [(record["store"], record["collection"], record["orders"]) for record in deferred] == [
        ("delivery", "shipments", [ORDER])
    ]


def test_evidence_is_refused_with_its_ground_and_article() -> None:
    refused = [r for r in decisions(a_case(), load_policy())["records"] if r["outcome"] == "refuse"]
    assert {"consents", "disclosures", "ledger"} & {record["collection"] for record in refused} >= {
        "consents",
        "disclosures",
    }
    assert all("art." in record["ground"] for record in refused)


def test_withdrawing_promotions_leaves_the_other_purposes_alone() -> None:
    purposes = outcomes(a_case(scope="promotions"), "purposes", "purpose")
    assert [purpose for purpose, outcome in purposes.items() if outcome == "accept"] == ["3.2.8"]


@pytest.mark.parametrize("scope", ["all", "promotions"])
def test_every_decision_has_a_ground(scope: str) -> None:
    decided = decisions(a_case(scope=scope), load_policy())
    assert all(item["ground"] for items in decided.values() for item in items)
