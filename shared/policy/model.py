"""The policy file as one typed, frozen value. Reading it is `load.py`; asking it is `decide.py`.

A name the policy does not know is an error here, or an empty answer: nothing is ever granted by default.
"""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Annotated

from pydantic import Field

from shared.policy.rows import (
    Controller,
    Name,
    Notice,
    Period,
    PersonalField,
    PolicyVersion,
    Purpose,
    Recipient,
    Row,
    Store,
    Text,
    Topic,
    row_of,
)


class Policy(Row):
    """The whole file. `digest`: hex SHA-256 of its content, whatever its layout and comments."""

    digest: str
    controller: Controller
    versions: Annotated[tuple[PolicyVersion, ...], Field(min_length=1)]
    notices: Mapping[Name, Notice] = Field(default_factory=dict)
    readers: Mapping[Name, Text]
    purposes: Mapping[str, Purpose]
    fields: Mapping[Name, PersonalField]
    recipients: Mapping[Name, Recipient]
    stores: Mapping[Name, Store]
    topics: Mapping[Name, Topic]
    periods: Mapping[Name, Period]

    def fields_for(self, reader: str, purpose: str | None = None) -> frozenset[str]:
        """What is sealed for the reader; with a purpose, what it may open for that. Unknown: empty."""
        return frozenset(
            name
            for name, field in self.fields.items()
            if field.collected
            and (granted := field.grants.get(reader))
            and (purpose is None or purpose in granted)
            and reader in self.readers
        )

    def store(self, name: str) -> Store:
        """Raises UnknownName."""
        return row_of(self.stores, "store", name)

    def topic(self, name: str) -> Topic:
        """Raises UnknownName."""
        return row_of(self.topics, "topic", name)

    def period(self, name: str) -> Period:
        """Raises UnknownName."""
        return row_of(self.periods, "period", name)

    def notice(self, name: str) -> Notice:
        """Raises UnknownName."""
        return row_of(self.notices, "notice", name)

    def kept(self, store: str, collection: str) -> timedelta:
        """How long the collection's records are kept. Raises UnknownName, also where they don't expire."""
        return self.period(str(self.store(store).collection(collection).expires)).as_timedelta()

    def version_at(self, day: date) -> PolicyVersion:
        """The version in force that day; before the first one, the first."""
        ordered = sorted(self.versions, key=lambda version: version.effective_from)
        in_force = [version for version in ordered if version.effective_from <= day]
        return in_force[-1] if in_force else ordered[0]

    @property
    def erasing_stores(self) -> tuple[str, ...]:
        """Stores whose receipt every erasure needs, in the file's order."""
        return tuple(name for name, store in self.stores.items() if store.answers_erasure)

    @property
    def deferring_stores(self) -> tuple[str, ...]:
        """Stores where an open order makes records wait."""
        return tuple(
            name
            for name, store in self.stores.items()
            if any(collection.deferred_by for collection in store.collections.values())
        )

    @property
    def kafka_horizon(self) -> timedelta:
        """How long Kafka may still hold an envelope; the certificate states it."""
        kept = (topic.retention or timedelta.max for topic in self.topics.values() if topic.sealed)
        return max(kept, default=timedelta())
