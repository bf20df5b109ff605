"""Tell the privacy service once a day what a store holds, and whether the policy describes all of it (clause 1.1).

Nothing is lost with a sample that does not arrive: the next one says the same. So it needs no outbox.
"""

from datetime import datetime
from typing import Final

from shared.contracts.erasure import Store
from shared.contracts.store_samples import CollectionSample, StoreSampled
from shared.messaging.cloudevents import Outgoing, new_id
from shared.messaging.topic_log import TopicLog
from shared.policy.model import Policy
from shared.stores.mongo import Database
from shared.stores.sample import sample, unmapped

PERIOD: Final = "store_sample"


class StoreSampling:
    """A worker of every service, over its own database alone."""

    def __init__(self, store: Store, policy: Policy, database: Database, log: TopicLog) -> None:
        self._store: Store = store
        self._policy = policy
        self._database = database
        self._log = log
        self._every = policy.period(PERIOD).as_timedelta()
        self._next_at: datetime | None = None

    async def sample_due(self, now: datetime) -> bool:
        """At the service's start, then every period. Replicas each tell: the newest counts."""
        if self._next_at is None or now >= self._next_at:
            await self._log.append([Outgoing(await self._sampled(now), new_id(), now)])
            self._next_at = now + self._every
        return False

    async def _sampled(self, now: datetime) -> StoreSampled:
        found = await sample(self._database, self._policy, self._store)
        return StoreSampled(
            store=self._store,
            sampled_at=now,
            policy_sha256=self._policy.digest,
            collections={
                name: CollectionSample(documents=of.documents, sampled=of.looked_at, unknown_fields=of.unknown)
                for name, of in found.items()
            },
            unmapped=await unmapped(self._database, self._policy, self._store),
        )
