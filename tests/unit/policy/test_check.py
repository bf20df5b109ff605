from pathlib import Path

import pytest

from shared.policy.check import Code, problems, report, shown_name, unknown_fields
from shared.policy.load import load_policy
from shared.policy.rows import UnknownName
from tests.unit.policy.a_policy import a_policy, policy_text

POLICY = load_policy()


def test_code_that_does_what_the_policy_says_has_no_problem() -> None:
    code = Code(
        personal_fields=["phone", "email"],
        views={"delivery": POLICY.fields_for("delivery")},
        collections={"intake": {"orders": "order_store.py:1"}},
        publishers={"orders": ["intake"]},
    )
    assert problems(POLICY, code) == ()


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (Code(personal_fields=["iin"]), "contracts: iin: a personal field is collected"),
        (Code(personal_fields=["ip_address"]), "contracts: ip_address: a personal field is collected"),
        (Code(views={"delivery": ["phone", "email"]}), "view of delivery: email: delivery asks for a field"),
        (Code(views={"marketing": ["phone"]}), "view of marketing: phone: marketing asks for a field"),
        (Code(collections={"intake": {"baskets": "basket_store.py:3"}}), "basket_store.py:3: baskets: a collection"),
        (
            Code(collections={"billing": {"invoices": "invoice_store.py:3"}}),
            "invoice_store.py:3: invoices: a collection of billing",
        ),
        (Code(publishers={"orders": ["delivery"]}), "topic orders: delivery publishes to it"),
        (Code(publishers={"clicks": ["intake"]}), "topic clicks: intake publishes to it"),
    ],
)
def test_code_beyond_the_policy_is_a_problem_with_clause_and_remedy(code: Code, expected: str) -> None:
    (problem,) = problems(POLICY, code)
    assert str(problem).startswith(expected)
    assert problem.clause
    assert problem.remedy


def test_a_view_is_too_wide_as_soon_as_its_grant_is_removed() -> None:
    code = Code(views={"delivery": POLICY.fields_for("delivery")})
    policy = a_policy(lambda rows: rows["fields"]["phone"]["grants"].pop("delivery"))
    (problem,) = problems(policy, code)
    assert problem.where == "view of delivery: phone"


def test_the_exit_code_and_the_report_say_whether_it_is_in_order(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert report(None, Code()) == 0
    assert capsys.readouterr().out == "policy: in order\n"
    assert report(None, Code(personal_fields=["iin"])) == 1
    broken = tmp_path / "policy.yaml"
    broken.write_text(policy_text(lambda rows: rows["periods"]["withdrawal"].pop("article")), encoding="utf-8")
    assert report(broken, Code()) == 1
    assert "periods.withdrawal" in capsys.readouterr().err


def test_drift_names_the_unknown_fields_and_no_value() -> None:
    document = {"_id": "1", "subject_id": "2", "sealed": b"", "note": "call 8 701 000 00 00", "iin": "000000000000"}
    assert unknown_fields(POLICY, "delivery", "shipments", document) == ["iin", "note"]
    with pytest.raises(UnknownName):
        unknown_fields(POLICY, "delivery", "baskets", document)


@pytest.mark.parametrize("name", ["note", "_id", "handedOverAt", "call-backs", "field_2026"])
def test_a_name_is_shown(name: str) -> None:
    assert shown_name(name) == name


@pytest.mark.parametrize(
    "name", ["+77000000042", "87000000042", "p87000000042", "a@example.kz", "Ақбөпе", "two words", "$set", "a.b", ""]
)
def test_what_may_be_a_value_is_not_shown(name: str) -> None:
    assert shown_name(name) == "(not a name)"
