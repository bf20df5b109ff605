"""Topic `store-samples`: what each store holds of which collection, and whether the policy knows all of it."""

from datetime import datetime
from typing import Annotated

from pydantic import Field, NonNegativeInt, PositiveInt, StringConstraints

from shared.contracts.erasure import Store
from shared.contracts.event import Contract, Message

Digest = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Name = Annotated[str, StringConstraints(max_length=64)]


class CollectionSample(Contract):
    """`documents`: all of them, as MongoDB estimates. `sampled`: how many of the newest were looked at.
    `unknown_fields`: name of a field the policy does not describe → in how many of those. Never a value."""

    documents: NonNegativeInt
    sampled: NonNegativeInt
    unknown_fields: dict[Name, PositiveInt] = Field(default_factory=dict)


class StoreSampled(Message):
    """A store looked at its own collections (clause 1.1: erasure reaches what the policy describes).

    `policy_sha256`: the policy it runs under. `unmapped`: collections the policy does not know."""

    TOPIC = "store-samples"
    PUBLISHERS = ("intake", "delivery", "notifications", "privacy")

    store: Store
    sampled_at: datetime
    policy_sha256: Digest
    collections: dict[str, CollectionSample]
    unmapped: tuple[Name, ...] = ()

    def key(self) -> str:
        return self.store
