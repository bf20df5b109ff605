"""What a withdrawal comes to, per purpose and per record: accept, partial, defer or refuse (Law 94-V art. 8, 24).

Read off the case and the policy; nothing is decided here that the policy file does not say.
"""

from collections.abc import Iterator
from typing import Any

from services.privacy.case import Case
from shared.policy.model import Policy

PROMOTIONS = "3.2.8"
OBLIGATION = "An obligation is open: the order is not delivered yet (Law 94-V art. 8(2))"


def decisions(case: Case, policy: Policy) -> dict[str, list[dict[str, Any]]]:
    """`{"purposes": [...], "records": [...]}`, each with its outcome, its ground and, where it waits, the orders."""
    if case.scope == "promotions":
        return {"purposes": list(_partial(policy)), "records": []}
    return {"purposes": list(_purposes(case, policy)), "records": list(_records(case, policy))}


def _partial(policy: Policy) -> Iterator[dict[str, Any]]:
    for purpose in policy.purposes:
        if purpose == PROMOTIONS:
            yield {"purpose": purpose, "outcome": "accept", "ground": "Withdrawn for this purpose (art. 24(1)(5))"}
        else:
            yield {"purpose": purpose, "outcome": "keep", "ground": "Not withdrawn"}


def _purposes(case: Case, policy: Policy) -> Iterator[dict[str, Any]]:
    waiting = {
        purpose
        for field in policy.fields.values()
        for reader in policy.deferring_stores
        for purpose in field.grants.get(reader, ())
    }
    for purpose in policy.purposes:
        if case.open_orders and purpose in waiting:
            yield {"purpose": purpose, "outcome": "defer", "ground": OBLIGATION, "orders": list(case.open_orders)}
        else:
            yield {"purpose": purpose, "outcome": "accept", "ground": "Consent withdrawn (clause 5.9.1)"}


def _records(case: Case, policy: Policy) -> Iterator[dict[str, Any]]:
    for store in policy.erasing_stores:
        for name, plan in policy.store(store).collections.items():
            record = {"store": store, "collection": name}
            if plan.subject is None or plan.transient:
                continue
            if plan.action == "keep":
                yield {**record, "outcome": "refuse", "ground": f"{plan.ground} ({plan.article})"}
            elif plan.deferred_by and case.open_orders:
                yield {**record, "outcome": "defer", "ground": OBLIGATION, "orders": list(case.open_orders)}
            else:
                yield {**record, "outcome": "accept", "ground": plan.action}
