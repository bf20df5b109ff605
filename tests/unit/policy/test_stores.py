from datetime import timedelta

import pytest

from shared.policy.load import load_policy

POLICY = load_policy()


def test_every_service_answers_an_erasure_and_the_keyring_does_not() -> None:
    assert POLICY.erasing_stores == ("intake", "delivery", "notifications", "privacy")


def test_an_open_order_defers_shipments_and_nothing_else() -> None:
    assert POLICY.deferring_stores == ("delivery",)
    deferred = [
        (store, name)
        for store in POLICY.stores
        for name, collection in POLICY.store(store).collections.items()
        if collection.deferred_by
    ]
    assert deferred == [("delivery", "shipments")]


@pytest.mark.parametrize("store", POLICY.stores)
def test_every_envelope_goes_with_its_person(store: str) -> None:
    for collection in POLICY.store(store).collections.values():
        gone = collection.action == "destroy" or not collection.sealed or collection.sealed in collection.unset
        assert gone


def test_what_is_kept_cites_its_ground_and_article() -> None:
    kept = [c for store in POLICY.stores.values() for c in store.collections.values() if c.action == "keep"]
    assert kept
    assert all(collection.ground and collection.article for collection in kept)


def test_a_restriction_marks_records_where_the_policy_describes_the_mark() -> None:
    for store in POLICY.stores.values():
        for collection in store.collections.values():
            assert collection.restrictable == ("restricted_at" in collection.fields)
            assert collection.action != "depersonalise" or "erased_at" in collection.fields


def test_every_period_has_its_article() -> None:
    assert all(period.article for period in POLICY.periods.values())


def test_periods_of_the_law_are_those_of_the_law() -> None:
    of_law = {
        name: (period.number, period.unit, period.article)
        for name, period in POLICY.periods.items()
        if not period.internal_target
    }
    assert of_law == {
        "withdrawal": (15, "working_days", "art. 8(7)"),
        "rectification": (1, "working_days", "art. 25(2)(8)"),
        "blocking": (1, "working_days", "art. 25(2)(8)"),
        "unblocking": (1, "working_days", "art. 25(2)(8)"),
        "destruction": (1, "working_days", "art. 25(2)(8)"),
        "breach_report": (1, "working_days", "art. 25(2)(8)"),
        "objection": (3, "working_days", "art. 19-1(3)"),
        "transfer_notice": (10, "working_days", "art. 19(1)"),
    }
    assert POLICY.period("access_request").internal_target


def test_a_period_has_a_length_unless_it_counts_working_days() -> None:
    assert POLICY.period("key_cache").as_timedelta() == timedelta(seconds=60)
    assert POLICY.period("disclosure_retention").as_timedelta() == timedelta(days=3 * 365)
    with pytest.raises(ValueError, match="Working days"):
        POLICY.period("withdrawal").as_timedelta()


def test_kafka_keeps_no_envelope_beyond_the_stated_horizon() -> None:
    assert POLICY.kafka_horizon == timedelta(days=30)
