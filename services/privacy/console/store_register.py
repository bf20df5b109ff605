"""What every store holds and what erasure does to it, beside what its own sample found (clause 1.1)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from services.privacy.console.store_register_store import StoreRegisterStore
from shared.contracts.store_samples import CollectionSample, StoreSampled
from shared.erasure.store_sampling import PERIOD
from shared.messaging.cloudevents import Received
from shared.messaging.consume import Outcome
from shared.policy.model import Policy
from shared.policy.rows import Collection


@dataclass(frozen=True, slots=True)
class CollectionRow:
    """`sample` is None until the store has told."""

    name: str
    plan: Collection
    sample: CollectionSample | None


@dataclass(frozen=True, slots=True)
class StoreRow:
    """late: nothing was heard for two periods. other_policy: the service runs under another policy file than this."""

    name: str
    title: str
    sampled_at: datetime | None
    late: bool
    other_policy: bool
    unmapped: tuple[str, ...]
    collections: tuple[CollectionRow, ...]

    @property
    def drift(self) -> bool:
        return bool(self.unmapped) or any(row.sample and row.sample.unknown_fields for row in self.collections)


@dataclass(frozen=True, slots=True)
class StoreSamples:
    samples: StoreRegisterStore

    async def on_sampled(self, batch: Sequence[Received[StoreSampled]]) -> Outcome:
        await self.samples.keep([received.event for received in batch])
        return Outcome(applied=len(batch))


def store_rows(policy: Policy, samples: Mapping[str, StoreSampled], now: datetime) -> tuple[StoreRow, ...]:
    """Every store of the policy; those whose service answers erasure tell of themselves."""
    every = policy.period(PERIOD).as_timedelta()
    return tuple(_store_row(policy, name, samples.get(name), now - 2 * every) for name in policy.stores)


def _store_row(policy: Policy, name: str, sample: StoreSampled | None, late_before: datetime) -> StoreRow:
    store = policy.store(name)
    found: Mapping[str, CollectionSample] = sample.collections if sample else {}
    return StoreRow(
        name=name,
        title=store.title,
        sampled_at=sample.sampled_at if sample else None,
        late=store.answers_erasure and (sample is None or sample.sampled_at < late_before),
        other_policy=sample is not None and sample.policy_sha256 != policy.digest,
        unmapped=sample.unmapped if sample else (),
        collections=tuple(CollectionRow(of, plan, found.get(of)) for of, plan in store.collections.items()),
    )
