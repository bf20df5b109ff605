"""A store tells what it holds that the policy does not describe: names alone."""

from collections.abc import Sequence
from datetime import timedelta
from typing import cast

import pytest

from shared.contracts.store_samples import StoreSampled
from shared.erasure.store_sampling import StoreSampling
from shared.messaging.cloudevents import Outgoing, new_id
from shared.messaging.topic_log import TopicLog
from shared.policy.load import load_policy
from shared.stores.mongo import Database
from shared.stores.sample import SAMPLE
from tests.builders import NOON

pytestmark = pytest.mark.integration

POLICY = load_policy()
PHONE = "+77000000042"


class Told:
    """`TopicLog`, with a broker that may be away."""

    def __init__(self) -> None:
        self.samples: list[StoreSampled] = []
        self.away = False

    async def append(self, entries: Sequence[Outgoing]) -> None:
        if self.away:
            raise TimeoutError
        self.samples += [cast(StoreSampled, entry.event) for entry in entries]


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
def sampling(database: Database, told: Told) -> StoreSampling:
    return StoreSampling("delivery", POLICY, database, cast(TopicLog, told))


async def test_all_documents_are_counted_and_the_newest_looked_at(
    database: Database, told: Told, sampling: StoreSampling
) -> None:
    older = [{"_id": new_id(), "note": "from before the newest"} for _ in range(5)]
    await database["shipments"].insert_many([*older, *({"_id": new_id(), "order_id": new_id()} for _ in range(SAMPLE))])
    await sampling.sample_due(NOON)
    (sample,) = told.samples
    assert (sample.store, sample.sampled_at, sample.policy_sha256) == ("delivery", NOON, POLICY.digest)
    assert set(sample.collections) == set(POLICY.store("delivery").collections)
    shipments = sample.collections["shipments"]
    assert (shipments.documents, shipments.sampled, shipments.unknown_fields) == (SAMPLE + 5, SAMPLE, {})
    assert sample.collections["disclosures"].documents == 0
    assert sample.unmapped == ()


async def test_what_the_policy_does_not_describe_is_named_and_never_quoted(
    database: Database, told: Told, sampling: StoreSampling
) -> None:
    await database["shipments"].insert_many(
        [{"_id": new_id(), "note": PHONE}, {"_id": new_id(), "note": "Ақбөпе", PHONE: 1, "Ақбөпе": 2}]
    )
    await database["baskets"].insert_one({"owner": PHONE})
    await database[f"of-{PHONE[1:]}"].insert_one({})
    await sampling.sample_due(NOON)
    (sample,) = told.samples
    assert sample.collections["shipments"].unknown_fields == {"(not a name)": 1, "note": 2}
    assert sample.unmapped == ("(not a name)", "baskets")
    told_text = sample.model_dump_json()
    assert PHONE[1:] not in told_text
    assert "Ақбөпе" not in told_text


async def test_it_tells_once_a_period(told: Told, sampling: StoreSampling) -> None:
    day = POLICY.period("store_sample").as_timedelta()
    for when in (NOON, NOON + timedelta(seconds=1), NOON + day - timedelta(seconds=1), NOON + day):
        await sampling.sample_due(when)
    assert [sample.sampled_at for sample in told.samples] == [NOON, NOON + day]


async def test_a_sample_that_did_not_arrive_is_due_again(told: Told, sampling: StoreSampling) -> None:
    told.away = True
    with pytest.raises(TimeoutError):
        await sampling.sample_due(NOON)
    told.away = False
    await sampling.sample_due(NOON + timedelta(seconds=2))
    assert len(told.samples) == 1


async def test_what_mongodb_keeps_for_itself_is_not_strange(
    database: Database, told: Told, sampling: StoreSampling
) -> None:
    await database.create_collection("late_shipments", viewOn="shipments", pipeline=[])
    assert "system.views" in await database.list_collection_names()
    await sampling.sample_due(NOON)
    (sample,) = told.samples
    assert sample.unmapped == ("late_shipments",)
