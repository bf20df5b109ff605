"""The register of stores: the policy's rows beside what each store told of itself."""

from datetime import timedelta

from services.privacy.console.store_register import StoreRow, store_rows
from shared.contracts.store_samples import CollectionSample, StoreSampled
from shared.policy.load import load_policy
from tests.builders import NOON

POLICY = load_policy()
NOTHING_STRANGE = CollectionSample(documents=3, sampled=3)


def a_sample(store: str = "delivery", **changes: object) -> StoreSampled:
    told = {
        "store": store,
        "sampled_at": NOON,
        "policy_sha256": POLICY.digest,
        "collections": {"shipments": NOTHING_STRANGE},
        **changes,
    }
    return StoreSampled.model_validate(told)


def row_of(sample: StoreSampled | None, after: timedelta = timedelta(hours=1)) -> StoreRow:
    rows = store_rows(POLICY, {"delivery": sample} if sample else {}, NOON + after)
    return next(row for row in rows if row.name == "delivery")


def test_every_store_and_collection_of_the_policy_is_there() -> None:
    rows = store_rows(POLICY, {}, NOON)
    assert {row.name: {c.name for c in row.collections} for row in rows} == {
        name: set(store.collections) for name, store in POLICY.stores.items()
    }


def test_a_store_that_told_lately_and_knows_all_is_quiet() -> None:
    row = row_of(a_sample())
    assert (row.late, row.other_policy, row.drift) == (False, False, False)
    assert {c.name: c.sample for c in row.collections}["shipments"] == NOTHING_STRANGE
    assert {c.name: c.sample for c in row.collections}["disclosures"] is None


def test_silence_is_no_good_news() -> None:
    assert row_of(None).late
    assert not row_of(a_sample(), timedelta(days=2)).late
    assert row_of(a_sample(), timedelta(days=2, seconds=1)).late


def test_a_store_without_a_service_owes_no_sample() -> None:
    (keyring,) = (row for row in store_rows(POLICY, {}, NOON) if row.name == "keyring")
    assert not keyring.late


def test_drift_is_an_unknown_field_or_an_unmapped_collection() -> None:
    strange = CollectionSample(documents=3, sampled=3, unknown_fields={"note": 2})
    assert row_of(a_sample(collections={"shipments": strange})).drift
    assert row_of(a_sample(unmapped=("baskets",))).drift


def test_another_policy_shows() -> None:
    assert row_of(a_sample(policy_sha256="0" * 64)).other_policy
