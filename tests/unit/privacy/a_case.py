"""A withdrawal case and the facts it may be told, for tests. Time is seconds after NOON."""

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import Any

from services.privacy.case import Case
from services.privacy.case_facts import (
    Contact,
    Effect,
    Fact,
    LetterSettled,
    OrderSettled,
    ReceiptCame,
    RecipientAnswered,
    Rules,
    StoreRestricted,
    TimeCame,
)
from services.privacy.case_steps import Step, opened, step
from tests.builders import NOON, at

STORES = ("intake", "delivery", "notifications", "privacy")
CACHE = timedelta(seconds=60)
RULES = Rules(stores=STORES, readers=STORES, deferring_readers=("delivery",), cache_bound=CACHE)
WAIT = RULES.second_pass_after
CONTACT = Contact(event_id="c" * 32, event_type="kz.exl.SubjectRestricted.v1", envelope=b"sealed contact")
ORDER, OTHER_ORDER = "a" * 32, "b" * 32


def a_case(scope: str = "all", **changes: Any) -> Case:
    fields: dict[str, Any] = {
        "case_id": "ca" * 16,
        "subject_id": "5b" * 16,
        "scope": scope,
        "channel": "mailbox",
        "received_at": NOON,
        "deadline": date(2026, 3, 26),
    }
    return Case(**{**fields, **changes})


def an_opened_case(scope: str = "all") -> Case:
    return opened(a_case(scope), NOON, RULES)[0]


def told(case: Case, *facts: Fact, now: datetime = NOON, rules: Rules = RULES) -> Step:
    """The case after these facts, and all they asked for."""
    effects: list[Effect] = []
    for fact in facts:
        case, asked = step(case, fact, now, rules)
        effects.extend(asked)
    return case, tuple(effects)


def restricted(
    stores: Iterable[str] = STORES, *, open_orders: tuple[str, ...] = (), contact: Contact | None = CONTACT
) -> list[StoreRestricted]:
    """Every store stopped; delivery names the open orders, intake brings the contact."""
    return [
        StoreRestricted(store, NOON, open_orders if store == "delivery" else (), contact if store == "intake" else None)
        for store in stores
    ]


def receipts(
    round_: int,
    stores: Iterable[str] = STORES,
    *,
    disclosures: tuple[str, ...] = (),
    **delivery: int,
) -> list[ReceiptCame]:
    """Every store's receipt of a round; `delivery` are counts of its shipments."""
    return [
        ReceiptCame(
            store,
            round_,
            {
                "store": store,
                "round": round_,
                "collections": {"things": counts(**(delivery if store == "delivery" else {}))},
                "disclosures": list(disclosures) if store == "delivery" else [],
            },
        )
        for store in stores
    ]


def counts(**some: int) -> dict[str, int]:
    kinds = ("destroyed", "depersonalised", "deferred", "kept", "residual")
    count = {kind: some.get(kind, 0) for kind in kinds}
    return {"matched": sum(count.values()), **count}


def settled(order_id: str = ORDER, how: str = "delivered") -> OrderSettled:
    return OrderSettled(order_id, how, at(5))


def answered(disclosure_id: str) -> RecipientAnswered:
    return RecipientAnswered(disclosure_id, "courier_partner", "forgotten", at(6))


def letter(kind: str, outcome: str = "sent") -> LetterSettled:
    return LetterSettled(kind, outcome)  # type: ignore[arg-type]


def second_pass(case: Case) -> Step:
    """The case once its key caches have run out and the final round is answered."""
    case, commanded = told(case, TimeCame(), now=NOON + WAIT)
    case, effects = told(case, *receipts(case.round), now=NOON + WAIT)
    return case, commanded + effects
