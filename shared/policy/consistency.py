"""What the policy file must hold by itself: every row complete, every name known. Asked at each load."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import get_args

from shared.policy.model import Policy
from shared.policy.rows import Collection, Language


@dataclass(frozen=True, slots=True)
class Problem:
    """Where the policy or the code is wrong, by which clause, and what to do."""

    where: str
    clause: str
    rule: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.where}: {self.rule} (clause {self.clause}). {self.remedy}"


def inconsistencies(policy: Policy) -> tuple[Problem, ...]:
    """Everything wrong within the file; empty where it can be acted on."""
    return (
        *_purposes(policy),
        *_grants(policy),
        *_notices(policy),
        *_periods(policy),
        *_collections(policy),
        *_topics(policy),
    )


def _purposes(policy: Policy) -> Iterator[Problem]:
    for name, purpose in policy.purposes.items():
        if name != purpose.clause:
            yield Problem(
                f"purposes.{name}",
                "3.2",
                f"the purpose is called {name} and cites clause {purpose.clause}",
                "Call it by the clause it cites.",
            )


def _grants(policy: Policy) -> Iterator[Problem]:
    for name, field in policy.fields.items():
        where = f"fields.{name}.grants"
        if field.collected and not any(field.grants.values()):
            yield Problem(
                where,
                "3.1",
                "the field is collected for no purpose",
                "Grant it to a reader for a purpose, or say `collected: false` and stop collecting it.",
            )
        if not field.collected and field.grants:
            yield Problem(where, "3.1", "a field that is not collected is granted", "Remove its grants.")
        for reader, purposes in field.grants.items():
            yield from _grant(policy, f"{where}.{reader}", reader, purposes)


def _grant(policy: Policy, where: str, reader: str, purposes: tuple[str, ...]) -> Iterator[Problem]:
    if reader not in policy.readers:
        yield Problem(
            where,
            "4.3.1",
            "the grant names a reader the policy does not know",
            f"Use one of {', '.join(policy.readers)}, or add the reader to `readers`.",
        )
    for purpose in purposes:
        known = policy.purposes.get(purpose)
        if known is None:
            yield Problem(
                where,
                "4.3.1",
                f"the grant names purpose {purpose}, which the policy does not know",
                f"Use one of {', '.join(policy.purposes)}.",
            )
        elif known.legal_basis == "depersonalised_data_only":
            yield Problem(
                where,
                purpose,
                f"purpose {purpose} may use depersonalised data only, and a personal field is granted for it",
                "Remove that purpose from the grant.",
            )


def _notices(policy: Policy) -> Iterator[Problem]:
    for name, notice in policy.notices.items():
        where = f"notices.{name}"
        for field in notice.fields:
            row = policy.fields.get(field)
            if row is None or not any(notice.purpose in purposes for purposes in row.grants.values()):
                rule = f"it takes `{field}` for purpose {notice.purpose}, which nobody is granted"
                yield Problem(where, "3.1", rule, "Grant the field for that purpose under `fields`, or do not take it.")
        if notice.period not in policy.periods:
            yield Problem(where, "5.7", f"it ends after `{notice.period}`, which is no period", "Add it to `periods`.")
        for language in sorted(set(get_args(Language)) - set(notice.texts)):
            yield Problem(where, "3.1", f"it has no text in `{language}`", "Give the text in every language.")


def _periods(policy: Policy) -> Iterator[Problem]:
    for name, period in policy.periods.items():
        if period.article is None and not period.internal_target:
            yield Problem(
                f"periods.{name}",
                "5.7",
                "the period has neither an article nor the mark of an internal target",
                "Cite the article it comes from, or say `internal_target: true`.",
            )


def _collections(policy: Policy) -> Iterator[Problem]:
    for store_name, store in policy.stores.items():
        for name, collection in store.collections.items():
            where = f"stores.{store_name}.collections.{name}"
            yield from _erasure(where, collection)
            yield from _paths(policy, where, collection)


def _erasure(where: str, collection: Collection) -> Iterator[Problem]:
    removed = collection.unset
    if collection.sealed and collection.action != "destroy" and collection.sealed not in removed:
        yield Problem(
            where,
            "5.9.1",
            f"the envelope in `{collection.sealed}` stays when the person is erased",
            f"Set `action: destroy`, or add `{collection.sealed}` to `unset`.",
        )
    if collection.action == "depersonalise" and collection.subject not in removed:
        yield Problem(
            where,
            "5.9.1",
            "a depersonalised record still names its subject (Law 94-V art. 1(7))",
            "Add the path in `subject` to `unset`, or set `action: destroy`.",
        )
    if collection.action == "keep" and not (collection.ground and collection.article):
        yield Problem(
            where,
            "5.9.1",
            "a record is kept with no ground or no article",
            "Give `ground` and `article`, or destroy or depersonalise it.",
        )
    if strays := sorted(set(collection.until_settled) - set(collection.unset)):
        yield Problem(
            where,
            "5.9.1",
            f"`{strays[0]}` waits for an order to be settled and is not emptied then",
            "Add the path to `unset`, or remove it from `until_settled`.",
        )
    if (collection.deferred_by or collection.open_when or collection.until_settled) and not collection.order:
        yield Problem(
            where,
            "5.9.1",
            "an open order decides here and no path gives the order",
            "Give the path in `order`.",
        )


def _paths(policy: Policy, where: str, collection: Collection) -> Iterator[Problem]:
    single = (collection.subject, collection.order, collection.sealed, collection.column_per_reader)
    named = {*collection.unset, *collection.open_when, *filter(None, single)}
    for path in sorted(named - set(collection.fields)):
        yield Problem(where, "1.1", f"`{path}` is used and not described", "Say what it is under `fields`.")
    if collection.expires and collection.expires not in policy.periods:
        yield Problem(
            where,
            "5.7",
            f"it expires after `{collection.expires}`, which is no period",
            "Add it to `periods`.",
        )
    for service in sorted(set(collection.access) - set(policy.stores)):
        yield Problem(where, "4.3.3", f"access is given to `{service}`, which is no service", "Remove it.")


def _topics(policy: Policy) -> Iterator[Problem]:
    for name, topic in policy.topics.items():
        for service in sorted({*topic.publishers, *topic.consumers} - set(policy.stores)):
            yield Problem(f"topics.{name}", "4.3.3", f"`{service}` is no service", "Use the name of a store.")
        for reader in sorted(set(topic.sealed_for) - (set(topic.consumers) & set(policy.readers))):
            yield Problem(
                f"topics.{name}.sealed_for",
                "4.3.1",
                f"envelopes are sealed for `{reader}`, which is no reader that consumes the topic",
                "Name readers among the topic's consumers.",
            )
        if topic.sealed_for and not topic.sealed:
            yield Problem(
                f"topics.{name}",
                "5.9.1",
                "the topic carries envelopes and is not marked as sealed",
                "Say `sealed: true`, so that its retention counts.",
            )
        limit = policy.periods.get("kafka_retention")
        if topic.sealed and (limit is None or (topic.retention or timedelta.max) > limit.as_timedelta()):
            yield Problem(
                f"topics.{name}",
                "5.9.1",
                "envelopes stay in Kafka longer than the period `kafka_retention`",
                "Shorten `retention_days`, or change the period.",
            )
