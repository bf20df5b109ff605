"""A certificate holds with the public keys alone; changed anywhere, or short of any proof, it does not."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from services.privacy.case_facts import Rules
from services.privacy.verify_certificate import failures
from shared.policy.load import load_policy
from shared.stores.receipts import PublicKeys, Signer
from tests.builders import NOON
from tests.unit.privacy.a_case import STORES, an_opened_case, letter, restricted, told
from tests.unit.privacy.a_certificate import DISCLOSURE, Authority
from tests.unit.privacy.alterations import Path, changed_leaves, more_or_less, parent_of


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority.at(tmp_path_factory.mktemp("keys"))


def wrong(authority: Authority, certificate: Any) -> list[str]:
    return failures(certificate, authority.public)


def test_real_certificate_holds(authority: Authority) -> None:
    assert wrong(authority, authority.certificate()) == []


def test_it_holds_after_any_formatting_of_its_json(authority: Authority) -> None:
    text = json.dumps(authority.certificate(), indent=3, ensure_ascii=False, sort_keys=True)
    assert wrong(authority, json.loads(text)) == []


def test_promotions_certificate_holds_without_receipts(authority: Authority) -> None:
    case, _ = told(an_opened_case("promotions"), *restricted(), letter("promotions_stopped"))
    assert wrong(authority, authority.certificate(case)) == []


def test_it_names_what_a_stranger_needs(authority: Authority) -> None:
    certificate = authority.certificate()
    assert certificate["stores"] == list(STORES)
    assert {reader: key["epoch"] for reader, key in certificate["keys"].items()} == dict.fromkeys(STORES, 1)
    assert certificate["policy"]["sha256"] == load_policy().digest
    assert certificate["bounds"]["key_cache_milliseconds"] == 60_000
    assert certificate["bounds"]["kafka_copies_gone_by"]["orders"] == "2026-04-01T07:02:00.000Z"
    assert certificate["ledger"] == {"sequence": 42, "hash": "f" * 64}
    assert all(row["ground"] for row in certificate["kept"])
    kept = {f"{row['store']}.{row['collection']}" for row in certificate["kept"]}
    assert {"intake.consents", "delivery.disclosures", "privacy.cases"} <= kept
    assert kept.isdisjoint({"notifications.campaigns", "privacy.officers", "intake.attempts"})  # of no person


def test_every_change_of_every_leaf_makes_it_fail(authority: Authority) -> None:
    changes = list(changed_leaves(authority.certificate()))
    for what, changed in changes:
        assert wrong(authority, changed), what
    assert len(changes) > 1_000


def test_every_removed_or_added_member_makes_it_fail(authority: Authority) -> None:
    for what, changed in more_or_less(authority.certificate()):
        assert wrong(authority, changed), what


def test_every_other_spelling_of_the_signature_makes_it_fail(authority: Authority) -> None:
    """base64 can spell the last bits in sixteen ways, and lenient decoders skip what is no base64."""
    certificate = authority.certificate()
    value = certificate["signature"]["value"]
    digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    spellings = [value[:-3] + digit + "==" for digit in digits if digit != value[-3]]
    for spelling in [*spellings, value + "\n", "!" + value, value.rstrip("="), value + "=", value.encode().hex(), ""]:
        changed = {**certificate, "signature": {**certificate["signature"], "value": spelling}}
        assert wrong(authority, changed), spelling


def test_other_keys_do_not_verify_it(authority: Authority, tmp_path: Any) -> None:
    assert failures(authority.certificate(), Authority.at(tmp_path).public)
    assert failures(authority.certificate(), PublicKeys({}))


@pytest.mark.parametrize("store", ["intake", "delivery", "notifications"])
def test_another_service_can_not_issue_one(authority: Authority, store: str) -> None:
    certificate = authority.certificate()
    assert wrong(authority, authority.signed(certificate, by=store))
    unsigned = {name: value for name, value in certificate.items() if name != "signature"}
    forged = Signer.from_folder(authority.root / store).sign(unsigned)
    key_id = certificate["signature"]["key_id"]
    assert wrong(authority, {**unsigned, "signature": {**forged, "key_id": key_id}})


@pytest.mark.parametrize("thing", [{}, {"kind": "certificate-of-erasure"}, {"kind": 1, "format": 1}])
def test_something_else_is_no_certificate(authority: Authority, thing: Any) -> None:
    assert wrong(authority, thing) == ["This is not a certificate of erasure, format 1."]


SHAPES: list[Any] = [None, "", [], {}, {"key_id": 1}, {"key_id": None, "value": None}, {"value": "x"}]


@pytest.mark.parametrize("signature", SHAPES)
def test_signature_of_any_shape_is_an_answer_and_no_crash(authority: Authority, signature: Any) -> None:
    certificate = {**authority.certificate(), "signature": signature}
    assert "signature does not fit" in wrong(authority, certificate)[0]


# A privacy service that lies signs well, and still can't make up what others sign or what is missing.


def receipt_of(certificate: dict[str, Any], store: str = "delivery", round_: str = "3") -> dict[str, Any]:
    receipt: dict[str, Any] = certificate["receipts"][round_][store]
    return receipt


def altered(**changes: Any) -> Callable[[dict[str, Any]], None]:
    return lambda certificate: receipt_of(certificate).update(changes)


def drop(path: Path) -> Callable[[dict[str, Any]], None]:
    def change(certificate: dict[str, Any]) -> None:
        del parent_of(certificate, path)[path[-1]]

    return change


def put(path: Path, value: Any) -> Callable[[dict[str, Any]], None]:
    def change(certificate: dict[str, Any]) -> None:
        parent_of(certificate, path)[path[-1]] = value

    return change


def swap_receipts(certificate: dict[str, Any]) -> None:
    final = certificate["receipts"]["3"]
    final["delivery"], final["intake"] = final["intake"], final["delivery"]


def move_round(certificate: dict[str, Any]) -> None:
    certificate["receipts"]["3"] = certificate["receipts"]["2"]


LIES: dict[str, tuple[Callable[[dict[str, Any]], object], str]] = {
    "a receipt of another case": (put(("case_id",), "0" * 32), "another case"),
    "a receipt of another subject": (put(("subject_id",), "0" * 32), "another case"),
    "receipts of two stores swapped": (swap_receipts, "signature does not fit"),
    "receipts of another round": (move_round, "another case"),
    "a receipt with other counts": (altered(collections={}), "signature does not fit"),
    "a receipt without signature": (drop(("receipts", "3", "delivery", "signature")), "signature does not fit"),
    "a receipt missing": (drop(("receipts", "3", "delivery")), "No final receipt of delivery"),
    "a whole round missing": (drop(("receipts", "3")), "No final receipt of intake"),
    "a round that never was": (put(("final_round",), 9), "No final receipt of intake"),
    "no store at all": (put(("stores",), []), "No store is named"),
    "a store more": (put(("stores",), [*STORES, "archive"]), "No final receipt of archive"),
    "a final round that left records": (put(("final_round",), 1), "still there after the final round"),
    "a recipient that did not answer": (put(("recipients",), {}), DISCLOSURE),
    "an order that was never settled": (put(("deferrals", 0, "settled_at"), None), "never settled"),
    "a key that lives": (put(("keys", "delivery", "destroyed_at"), None), "key of delivery was not destroyed"),
    "no keys": (put(("keys",), {}), "No key is named"),
    "a part missing": (drop(("deferrals",)), "part that every certificate has is missing"),
    "a part of another shape": (put(("receipts",), [1]), "part that every certificate has is missing"),
}


@pytest.mark.parametrize("lie", LIES)
def test_what_the_privacy_service_can_not_prove_does_not_hold(authority: Authority, lie: str) -> None:
    change, said = LIES[lie]
    found = wrong(authority, authority.certificate_with(change))
    assert any(said in line for line in found), found


def test_counts_that_do_not_add_up_do_not_hold(authority: Authority) -> None:
    def miscount(certificate: dict[str, Any]) -> None:
        receipt = receipt_of(certificate)
        receipt["collections"]["things"]["matched"] += 1
        certificate["receipts"]["3"]["delivery"] = authority.signed(receipt, by="delivery")

    assert "counts do not add up" in wrong(authority, authority.certificate_with(miscount))[0]


def test_residual_does_not_hold(authority: Authority) -> None:
    def leave(certificate: dict[str, Any]) -> None:
        receipt = receipt_of(certificate)
        receipt["collections"]["things"].update(residual=1, matched=receipt["collections"]["things"]["matched"] + 1)
        certificate["receipts"]["3"]["delivery"] = authority.signed(receipt, by="delivery")

    assert "still there after the final round" in wrong(authority, authority.certificate_with(leave))[0]


def test_rules_of_the_test_are_the_policys() -> None:
    """Otherwise the certificate above would prove another system."""
    policy = load_policy()
    rules = Rules.of(policy, NOON - NOON)
    assert (rules.stores, rules.readers, rules.deferring_readers) == (STORES, STORES, ("delivery",))
