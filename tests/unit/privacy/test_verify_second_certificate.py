"""A second certificate holds with the public keys alone; altered anywhere, or short of a proof, it does not."""

import json
from collections.abc import Callable
from copy import deepcopy
from datetime import timedelta
from typing import Any

import pytest

from services.privacy.ledger import Head
from services.privacy.second_certificate import EpochEnd, SecondCertificateIssuer
from services.privacy.verify_certificate import failures
from shared.stores.receipts import Signer
from tests.builders import NOON
from tests.unit.privacy.a_case import STORES, an_opened_case, letter, restricted, told
from tests.unit.privacy.a_certificate import Authority
from tests.unit.privacy.alterations import changed_leaves, more_or_less, parent_of

LATER, ISSUED = NOON + timedelta(days=20), NOON + timedelta(days=40)
Change = Callable[[dict[str, Any]], object]


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority.at(tmp_path_factory.mktemp("keys"))


@pytest.fixture(scope="module")
def second(authority: Authority) -> dict[str, Any]:
    """Two epochs later."""
    ends = dict.fromkeys(STORES, (EpochEnd(1, LATER), EpochEnd(2, LATER + timedelta(days=1))))
    return issued(authority, authority.certificate(), ends)


def issued(authority: Authority, first: dict[str, Any], ends: Any) -> dict[str, Any]:
    issuer = SecondCertificateIssuer(Signer.from_folder(authority.root / "privacy"))
    return json.loads(json.dumps(issuer.issue(first, ends, Head(99, "e" * 64), ISSUED)["certificate"]))


def wrong(authority: Authority, certificate: Any) -> list[str]:
    return failures(certificate, authority.public)


def test_real_second_certificate_holds(authority: Authority, second: dict[str, Any]) -> None:
    assert wrong(authority, second) == []
    assert set(second["epochs_destroyed"]) == set(STORES)
    assert second["first"] == authority.certificate()


def test_every_change_of_every_leaf_makes_it_fail(authority: Authority, second: dict[str, Any]) -> None:
    changes = list(changed_leaves(second))
    for what, changed in changes:
        assert wrong(authority, changed), what
    assert len(changes) > 1_000


def test_every_removed_or_added_member_makes_it_fail(authority: Authority, second: dict[str, Any]) -> None:
    for what, changed in more_or_less(second):
        assert wrong(authority, changed), what


@pytest.mark.parametrize("store", ["intake", "delivery", "notifications"])
def test_another_service_can_not_issue_one(authority: Authority, second: dict[str, Any], store: str) -> None:
    assert "signature does not fit" in wrong(authority, authority.signed(second, by=store))[0]


@pytest.mark.parametrize("first", [None, [], "x", {}, {"kind": "second-certificate-of-erasure", "first": {}}])
def test_something_else_in_the_first_ones_place_does_not_hold(
    authority: Authority, second: dict[str, Any], first: Any
) -> None:
    assert wrong(authority, authority.signed({**second, "first": first}))


# A privacy service that lies signs well, and still can't have one fact contradict another.


def put(*path: str, value: Any) -> Change:
    return lambda certificate: parent_of(certificate, path).__setitem__(path[-1], value)


def drop(*path: str) -> Change:
    return lambda certificate: parent_of(certificate, path).__delitem__(path[-1])


LIES: dict[str, tuple[Change, str]] = {
    "another case": (put("case_id", value="0" * 32), "another case"),
    "another subject": (put("subject_id", value="0" * 32), "another case"),
    "a reader whose keys are not named": (drop("epochs_destroyed", "delivery"), "delivery are not named"),
    "the epoch that the first one names left out": (drop("epochs_destroyed", "intake", "1"), "Epoch 1 of intake"),
    "no epoch at all": (put("epochs_destroyed", "intake", value={}), "Epoch 1 of intake"),
    "an epoch destroyed after it says so": (
        put("epochs_destroyed", "intake", "2", value="2027-01-01T00:00:00.000Z"),
        "after the certificate was issued",
    ),
    "the newest epoch destroyed before the key": (
        put("epochs_destroyed", "intake", "2", value="2025-01-01T00:00:00.000Z"),
        "a later one wrapped it",
    ),
    "a topic left out": (drop("kafka_copies_gone_by", "orders"), "other topics or dates"),
    "another date": (put("kafka_copies_gone_by", "orders", value="2026-03-03T00:00:00.000Z"), "other topics or dates"),
    "issued while Kafka may hold copies": (
        put("issued_at", value="2026-03-22T00:00:00.000Z"),
        "Topic orders may still",
    ),
    "issued before the first one": (put("issued_at", value="2026-01-01T00:00:00.000Z"), "older than the first"),
    "an older entry of the ledger": (put("ledger", "sequence", value=42), "older than the first"),
    "a part of another shape": (put("epochs_destroyed", value=[1]), "part that every second certificate has"),
    "an epoch that is no number": (put("epochs_destroyed", "intake", value={"x": "y"}), "part that every second"),
    "another format": (put("format", value=2), "not a second certificate"),
}


@pytest.mark.parametrize("lie", LIES)
def test_what_contradicts_itself_does_not_hold(authority: Authority, second: dict[str, Any], lie: str) -> None:
    change, said = LIES[lie]
    lying = deepcopy(second)
    change(lying)
    found = wrong(authority, authority.signed(lying))
    assert any(said in line for line in found), found


def test_first_one_that_does_not_hold_is_not_made_good(authority: Authority, second: dict[str, Any]) -> None:
    first = authority.certificate_with(lambda certificate: certificate["receipts"]["3"].pop("delivery"))
    found = wrong(authority, authority.signed({**second, "first": first}))
    assert found == ["First certificate: No final receipt of delivery."]


def test_promotions_have_no_second_one(authority: Authority) -> None:
    case, _ = told(an_opened_case("promotions"), *restricted(), letter("promotions_stopped"))
    first = authority.certificate(case)
    assert "destroyed no key" in wrong(authority, issued(authority, first, {}))[0]
