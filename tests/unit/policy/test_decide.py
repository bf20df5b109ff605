import itertools

import pytest

from shared.policy.decide import Allowed, Denied, Gap, decide
from shared.policy.load import load_policy
from shared.policy.matrix import matrix
from tests.unit.policy.a_policy import a_policy

POLICY = load_policy()


def test_a_grant_is_allowed_by_its_purpose_and_basis() -> None:
    assert decide(POLICY, field="phone", reader="delivery", purpose="3.2.3") == Allowed("3.2.3", "contract")
    assert decide(POLICY, field="email", reader="notifications", purpose="3.2.8") == Allowed("3.2.8", "consent")


@pytest.mark.parametrize(
    ("field", "reader", "purpose"),
    [
        ("email", "delivery", "3.2.3"),
        ("delivery_address", "notifications", "3.2.6"),
        ("phone", "delivery", "3.2.8"),
        ("given_name", "privacy", "3.2.8"),
        ("ip_address", "intake", "3.2.1"),
    ],
)
def test_what_is_not_granted_is_denied_with_a_remedy(field: str, reader: str, purpose: str) -> None:
    decision = decide(POLICY, field=field, reader=reader, purpose=purpose)
    assert isinstance(decision, Denied)
    assert decision.remedy


@pytest.mark.parametrize("field", ["residence", "order_items"])
def test_nobody_but_intake_reads_residence_or_what_was_ordered(field: str) -> None:
    readers = {row.reader for row in matrix(POLICY) if row.field == field and row.allowed}
    assert readers == {"intake"}


def test_what_the_policy_does_not_know_is_a_gap_that_says_what_is_missing() -> None:
    assert decide(POLICY, field="iin", reader="delivery", purpose="3.2.3") == Gap(
        ("field",), "Add a row for the field to the policy file, or correct the name."
    )
    unknown = decide(POLICY, field="iin", reader="marketing", purpose="3.2.10")
    assert isinstance(unknown, Gap)
    assert unknown.unknown == ("field", "reader", "purpose")


def test_a_gap_repeats_no_value_it_was_asked_with() -> None:
    assert "870" not in str(decide(POLICY, field="8701", reader="8702", purpose="8703"))


def test_purposes_of_depersonalised_data_open_nothing() -> None:
    assert not [row for row in matrix(POLICY) if row.purpose in ("3.2.7", "3.2.9") and row.allowed]


def test_the_matrix_has_every_triple_and_agrees_with_what_is_sealed() -> None:
    rows = matrix(POLICY)
    triples = itertools.product(POLICY.fields, POLICY.readers, POLICY.purposes)
    assert [(row.field, row.reader, row.purpose) for row in rows] == list(triples)
    for reader in POLICY.readers:
        allowed = {row.field for row in rows if row.reader == reader and row.allowed}
        assert allowed == POLICY.fields_for(reader)
        for purpose in POLICY.purposes:
            opened = {row.field for row in rows if (row.reader, row.purpose) == (reader, purpose) and row.allowed}
            assert opened == POLICY.fields_for(reader, purpose)


def test_unknown_reader_or_purpose_is_granted_nothing() -> None:
    assert POLICY.fields_for("marketing") == frozenset()
    assert POLICY.fields_for("delivery", "3.2.10") == frozenset()


def test_a_grant_to_a_reader_the_policy_does_not_name_seals_nothing() -> None:
    policy = a_policy(lambda rows: rows["fields"]["phone"]["grants"].update(marketing=["3.2.8"]))
    assert policy.fields_for("marketing") == frozenset()


def test_removing_one_grant_changes_sealing_decision_and_matrix_with_no_other_edit() -> None:
    before, after = a_policy(), a_policy(lambda rows: rows["fields"]["phone"]["grants"].pop("delivery"))
    assert before.fields_for("delivery") - after.fields_for("delivery") == {"phone"}
    assert "phone" not in after.fields_for("delivery", "3.2.3")
    assert isinstance(decide(after, field="phone", reader="delivery", purpose="3.2.3"), Denied)
    changed = [(old, new) for old, new in zip(matrix(before), matrix(after), strict=True) if old != new]
    assert [(old.field, old.reader, old.purpose, new.allowed) for old, new in changed] == [
        ("phone", "delivery", "3.2.3", False)
    ]


def test_removing_one_purpose_keeps_the_field_for_the_other() -> None:
    policy = a_policy(lambda rows: rows["fields"]["email"]["grants"]["notifications"].remove("3.2.8"))
    assert "email" in policy.fields_for("notifications", "3.2.6")
    assert "email" not in policy.fields_for("notifications", "3.2.8")
