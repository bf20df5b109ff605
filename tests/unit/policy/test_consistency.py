"""Each rule of the file by itself: it holds for the packaged file, and a planted violation breaks it."""

from collections.abc import Callable

import pytest

from shared.policy.consistency import inconsistencies
from shared.policy.load import PolicyInvalid
from tests.unit.policy.a_policy import Rows, a_policy


def _collection(rows: Rows, store: str, name: str) -> Rows:
    collection: Rows = rows["stores"][store]["collections"][name]
    return collection


def test_the_packaged_file_is_consistent() -> None:
    assert inconsistencies(a_policy()) == ()


PLANTED: dict[str, tuple[Callable[[Rows], object], str]] = {
    "a notice that takes a field nobody may use for it": (
        lambda rows: rows["notices"]["call_back"].update(purpose="3.2.8", fields=["residence"]),
        "it takes `residence` for purpose 3.2.8, which nobody is granted",
    ),
    "a notice without a language": (
        lambda rows: rows["notices"]["call_back"]["texts"].pop("kk"),
        "it has no text in `kk`",
    ),
    "a notice without an end": (
        lambda rows: rows["notices"]["call_back"].update(period="some_day"),
        "it ends after `some_day`, which is no period",
    ),
    "a grant for an unknown purpose": (
        lambda rows: rows["fields"]["phone"]["grants"].update(delivery=["3.2.77"]),
        "names purpose 3.2.77, which the policy does not know (clause 4.3.1)",
    ),
    "a grant to an unknown reader": (
        lambda rows: rows["fields"]["phone"]["grants"].update(marketing=["3.2.8"]),
        "names a reader the policy does not know (clause 4.3.1)",
    ),
    "a grant for statistics": (
        lambda rows: rows["fields"]["phone"]["grants"]["intake"].append("3.2.9"),
        "may use depersonalised data only",
    ),
    "a field collected for nothing": (
        lambda rows: rows["fields"]["residence"].update(grants={}),
        "collected for no purpose (clause 3.1)",
    ),
    "a field not collected but granted": (
        lambda rows: rows["fields"]["ip_address"].update(grants={"intake": ["3.2.1"]}),
        "a field that is not collected is granted",
    ),
    "a purpose under another clause's name": (
        lambda rows: rows["purposes"]["3.2.5"].update(clause="3.2.6"),
        "called 3.2.5 and cites clause 3.2.6",
    ),
    "a period from nowhere": (
        lambda rows: rows["periods"]["withdrawal"].pop("article"),
        "neither an article nor the mark of an internal target",
    ),
    "an envelope that outlives its person": (
        lambda rows: _collection(rows, "intake", "orders").update(unset=["subject_id"]),
        "the envelope in `sealed` stays",
    ),
    "an envelope kept on a ground": (
        lambda rows: _collection(rows, "privacy", "cases").update(unset=[]),
        "the envelope in `contact` stays",
    ),
    "a depersonalised record that names its subject": (
        lambda rows: _collection(rows, "notifications", "messages").update(unset=["event_id"]),
        "still names its subject",
    ),
    "a record kept without an article": (
        lambda rows: _collection(rows, "intake", "consents").pop("article"),
        "kept with no ground or no article",
    ),
    "a deferral that names no order": (
        lambda rows: _collection(rows, "delivery", "shipments").pop("order"),
        "no path gives the order",
    ),
    "a path that waits and is never emptied": (
        lambda rows: _collection(rows, "intake", "orders").update(until_settled=["shop"]),
        "`shop` waits for an order to be settled and is not emptied then",
    ),
    "a path used and not described": (
        lambda rows: _collection(rows, "delivery", "shipments")["fields"].pop("sealed"),
        "`sealed` is used and not described",
    ),
    "an expiry after no period": (
        lambda rows: _collection(rows, "intake", "idempotency_keys").update(expires="someday"),
        "it expires after `someday`, which is no period",
    ),
    "access for a stranger": (
        lambda rows: _collection(rows, "keyring", "subjects")["access"].update(marketing=["find"]),
        "access is given to `marketing`, which is no service",
    ),
    "a topic for a stranger": (
        lambda rows: rows["topics"]["orders"]["consumers"].append("marketing"),
        "`marketing` is no service",
    ),
    "an envelope for a reader who does not consume the topic": (
        lambda rows: rows["topics"]["erasure-receipts"].update(sealed_for=["delivery"]),
        "envelopes are sealed for `delivery`, which is no reader that consumes the topic",
    ),
    "envelopes on a topic that is not marked": (
        lambda rows: rows["topics"]["orders"].update(sealed=False),
        "carries envelopes and is not marked as sealed",
    ),
    "a topic that keeps envelopes too long": (
        lambda rows: rows["topics"]["orders"].update(retention_days=365),
        "longer than the period `kafka_retention`",
    ),
}


@pytest.mark.parametrize(("plant", "expected"), PLANTED.values(), ids=PLANTED.keys())
def test_a_planted_violation_is_found_with_its_remedy(plant: Callable[[Rows], object], expected: str) -> None:
    found = inconsistencies(a_policy(plant))
    assert any(expected in str(problem) for problem in found)
    assert all(problem.clause and problem.remedy for problem in found)


@pytest.mark.parametrize(
    ("plant", "expected"),
    [
        (lambda rows: rows["purposes"]["3.2.5"].pop("clause"), r"purposes\.3\.2\.5\.clause: .*\(clause 3\.2\)"),
        (lambda rows: rows["fields"]["phone"].pop("erasure"), r"fields\.phone\.erasure: .*\(clause 3\.1\)"),
        (lambda rows: _collection(rows, "intake", "orders").pop("action"), r"orders\.action: .*\(clause 1\.1\)"),
        (lambda rows: rows["periods"]["withdrawal"].pop("unit"), r"periods\.withdrawal\.unit: .*\(clause 5\.7\)"),
    ],
)
def test_a_row_without_its_clause_or_action_is_not_read(plant: Callable[[Rows], object], expected: str) -> None:
    with pytest.raises(PolicyInvalid, match=expected):
        a_policy(plant)
