"""The rows of the policy file as typed, frozen values; the whole of it is `model.py`."""

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


class Row(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Controller(Row):
    """Who answers for the data (clauses 1.9, 5.9). The published policy gives no BIN: null until known."""

    name: Text
    address: Text
    mailbox: Text
    site: Text
    bin: Annotated[str, StringConstraints(pattern=r"^\d{12}$")] | None


class PolicyVersion(Row):
    """One published version; never edited, only followed by another (clause 5.8)."""

    version: Text
    effective_from: date
    document_sha256: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
    consent_text: Mapping[Language, Text]

    def text_sha256(self, language: Language) -> str:
        """Hex SHA-256 of the UTF-8 text agreed to: what a consent record keeps (Law 94-V art. 8(4))."""
        return hashlib.sha256(self.consent_text[language].encode()).hexdigest()


class NoticeText(Row):
    """One version of a notice in one language; never edited, only followed by another."""

    version: Text
    effective_from: date
    text: Text

    @property
    def sha256(self) -> str:
        """Hex SHA-256 of the UTF-8 text."""
        return hashlib.sha256(self.text.encode()).hexdigest()


class Notice(Row):
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


class Purpose(Row):
    clause: PurposeClause
    title: Text
    legal_basis: LegalBasis
    law: Text


class PersonalField(Row):
    """A personal field, and who may use it for what: reader → purposes."""

    clause: Clause
    title: Text
    category: Annotated[str, StringConstraints(pattern=r"^user(\.[a-z_]+)+$")]
    collected: bool = True
    erasure: ErasureAction
    grants: Mapping[Name, tuple[str, ...]]


class Recipient(Row):
    """A class of recipient outside the controller (clause 4.3.2). There are two."""

    clause: Clause
    title: Text
    basis: Text


class Collection(Row):
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


class Store(Row):
    """A MongoDB database. `answers_erasure`: its service answers every EraseSubject with a signed receipt."""

    title: Text
    answers_erasure: bool
    collections: Mapping[Name, Collection]

    def collection(self, name: str) -> Collection:
        """Raises UnknownName."""
        return row_of(self.collections, "collection", name)


class Topic(Row):
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


class Period(Row):
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


def row_of(rows: Mapping[str, T], section: PolicySection, name: str) -> T:
    """Raises UnknownName."""
    if name not in rows:
        raise UnknownName(section, name)
    return rows[name]
