"""The policy file as typed, frozen values. Reading it is `load.py`; asking it is `decide.py`.

A name the policy does not know is an error here, or an empty answer: nothing is ever granted by default.
"""

import hashlib
from collections.abc import Mapping
from datetime import date, timedelta
from typing import Annotated, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, PositiveInt, StringConstraints

Clause = Annotated[str, StringConstraints(pattern=r"^\d(\.\d+)+$")]
PurposeClause = Annotated[str, StringConstraints(pattern=r"^3\.2\.\d$")]
Text = Annotated[str, StringConstraints(min_length=1, strip_whitespace=True)]
Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]*$")]
Language = Literal["kk", "ru", "en"]
LegalBasis = Literal["contract", "consent", "depersonalised_data_only"]
ErasureAction = Literal["destroy", "depersonalise", "keep"]
Action = Literal["find", "insert", "update", "remove"]
Unit = Literal["seconds", "hours", "days", "working_days", "years"]
PolicySection = Literal["store", "collection", "topic", "period", "notice"]
T = TypeVar("T")


class UnknownName(LookupError):
    """The policy has no row of this name."""

    def __init__(self, section: PolicySection, name: str) -> None:
        super().__init__(
            f"The policy has no {section} named {name!r}. Use a name from shared/policy/policy.yaml, or add the row."
        )


class _Row(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Controller(_Row):
    """Who answers for the data (clauses 1.9, 5.9). The published policy gives no BIN: null until known."""

    name: Text
    address: Text
    mailbox: Text
    site: Text
    bin: Annotated[str, StringConstraints(pattern=r"^\d{12}$")] | None


class PolicyVersion(_Row):
    """One published version; never edited, only followed by another (clause 5.8)."""

    version: Text
    effective_from: date
    document_sha256: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
    consent_text: Mapping[Language, Text]

    def text_sha256(self, language: Language) -> str:
        """Hex SHA-256 of the UTF-8 text agreed to: what a consent record keeps (Law 94-V art. 8(4))."""
        return hashlib.sha256(self.consent_text[language].encode()).hexdigest()


class NoticeText(_Row):
    """One version of a notice in one language; never edited, only followed by another."""

    version: Text
    effective_from: date
    text: Text

    @property
    def sha256(self) -> str:
        """Hex SHA-256 of the UTF-8 text."""
        return hashlib.sha256(self.text.encode()).hexdigest()


class Notice(_Row):
    """What a short form says of itself (footer of the site): its fields, what they are for, how long they are kept."""

    title: Text
    clause: Clause | Literal["footer"]
    purpose: str
    fields: Annotated[tuple[Name, ...], Field(min_length=1)]
    period: Name
    texts: Mapping[Language, Annotated[tuple[NoticeText, ...], Field(min_length=1)]]

    def text_at(self, day: date, language: Language) -> NoticeText:
        """The text in force that day in that language; before the first one, the first."""
        ordered = sorted(self.texts[language], key=lambda text: text.effective_from)
        return next((text for text in reversed(ordered) if text.effective_from <= day), ordered[0])


class Purpose(_Row):
    clause: PurposeClause
    title: Text
    legal_basis: LegalBasis
    law: Text


class PersonalField(_Row):
    """A personal field, and who may use it for what: reader → purposes."""

    clause: Clause
    title: Text
    category: Annotated[str, StringConstraints(pattern=r"^user(\.[a-z_]+)+$")]
    collected: bool = True
    erasure: ErasureAction
    grants: Mapping[Name, tuple[str, ...]]


class Recipient(_Row):
    """A class of recipient outside the controller (clause 4.3.2). There are two."""

    clause: Clause
    title: Text
    basis: Text


class Collection(_Row):
    """A MongoDB collection, and what erasure does to a person's records in it.

    subject: path of the subject id; None where no person is concerned.
    order: path of the order id. sealed: path of the envelope (or of the object holding one).
    unset: what `depersonalise` removes; on a kept record, what its own process empties.
    deferred_by: `open_order` where records of an open order wait (Law 94-V art. 8(2)).
    until_settled: of the paths in `unset`, those that the record of an open order keeps until it is settled.
    open_when: path → values that show an order still to be fulfilled.
    restrictable: whether a restriction (art. 1(3)) marks the record with `restricted_at`.
    expires: the period after which a record goes by itself. transient: records go by themselves within seconds; an
    erasure neither counts nor touches them.
    access: privileges of services on another's collection, service → actions.
    column_per_reader: path of the object with one column per reader, shown to each reader alone by a view.
    fields: every stored path, and what it is.
    """

    title: Text
    subject: str | None
    order: str | None = None
    sealed: str | None = None
    action: ErasureAction
    unset: tuple[str, ...] = ()
    ground: Text | None = None
    article: Text | None = None
    deferred_by: Literal["open_order"] | None = None
    until_settled: tuple[str, ...] = ()
    open_when: Mapping[str, tuple[str, ...]] = Field(default_factory=dict)
    restrictable: bool = False
    expires: Name | None = None
    transient: bool = False
    access: Mapping[Name, tuple[Action, ...]] = Field(default_factory=dict)
    column_per_reader: str | None = None
    fields: Mapping[str, Text]


class Store(_Row):
    """A MongoDB database. `answers_erasure`: its service answers every EraseSubject with a signed receipt."""

    title: Text
    answers_erasure: bool
    collections: Mapping[Name, Collection]

    def collection(self, name: str) -> Collection:
        """Raises UnknownName."""
        return _row(self.collections, "collection", name)


class Topic(_Row):
    """A Kafka topic.

    retention_days: null where messages are kept without end.
    sealed: its messages carry envelopes, so its retention bounds the life of a copy.
    sealed_for: the readers its events bring an envelope to.
    """

    title: Text
    publishers: tuple[Name, ...]
    consumers: tuple[Name, ...]
    partitions: PositiveInt
    retention_days: PositiveInt | None
    sealed: bool
    sealed_for: tuple[Name, ...] = ()

    @property
    def retention(self) -> timedelta | None:
        """None: without end."""
        return None if self.retention_days is None else timedelta(days=self.retention_days)

    @property
    def retention_ms(self) -> int:
        """As Kafka's `retention.ms` has it: -1 is without end."""
        return -1 if self.retention is None else self.retention // timedelta(milliseconds=1)


class Period(_Row):
    """A period with its article. `internal_target`: the number is the operator's own, not the law's."""

    title: Text
    number: PositiveInt
    unit: Unit
    article: Text | None = None
    internal_target: bool = False

    def as_timedelta(self) -> timedelta:
        """Raises ValueError for working days: those depend on the day they start (`working_days.py`)."""
        match self.unit:
            case "working_days":
                raise ValueError("Working days have no fixed length: use working_days.deadline.")
            case "years":
                return timedelta(days=365 * self.number)
            case unit:
                return timedelta(**{unit: self.number})


class Policy(_Row):
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
        return _row(self.stores, "store", name)

    def topic(self, name: str) -> Topic:
        """Raises UnknownName."""
        return _row(self.topics, "topic", name)

    def period(self, name: str) -> Period:
        """Raises UnknownName."""
        return _row(self.periods, "period", name)

    def notice(self, name: str) -> Notice:
        """Raises UnknownName."""
        return _row(self.notices, "notice", name)

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


def _row(rows: Mapping[str, T], section: PolicySection, name: str) -> T:
    if name not in rows:
        raise UnknownName(section, name)
    return rows[name]
