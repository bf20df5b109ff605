"""Run the policy's erasure plan over one store's collections, for thousands of subjects at a time.

Every statement is set-based: one count, one delete or update and one recount per collection, whatever the number
of subjects. Called within the caller's transaction, so that the counts, the erasure and the receipts agree.
Erasing what is already gone counts zero and is a success.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from shared.contracts.erasure import CollectionCount
from shared.policy.model import Collection as Plan
from shared.policy.model import Store
from shared.stores.mongo import Collection, Database, Session


@dataclass(frozen=True, slots=True)
class Target:
    """A subject to erase, and the orders whose records must wait for an open obligation (Law 94-V art. 8(2))."""

    subject_id: str
    open_orders: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Restricted:
    records: int
    open_orders: tuple[str, ...]


class ErasureEngine:
    def __init__(self, database: Database, store: Store) -> None:
        self._database = database
        self._plans: Mapping[str, Plan] = {name: plan for name, plan in store.collections.items() if not plan.transient}

    async def ensure_indexes(self) -> None:
        """Erasure time must not grow with the store: every collection is indexed by its subject."""
        for name, plan in self._plans.items():
            if plan.subject and plan.subject != "_id":
                await self._database[name].create_index(plan.subject)

    async def restrict(self, subject_ids: Sequence[str], now: datetime, session: Session) -> dict[str, Restricted]:
        """Mark every record of the subjects as restricted; say which orders are still open.

        Marks come first: whoever is changing one of these records then has to begin again, and not the restriction."""
        for name, plan in self._plans.items():
            if plan.restrictable:
                await self._database[name].update_many(
                    _of(plan, subject_ids), {"$set": {"restricted_at": now}}, session=session
                )
        records: dict[str, int] = defaultdict(int)
        open_orders: dict[str, set[str]] = defaultdict(set)
        for name, plan in self._plans.items():
            if plan.subject is None or plan.action == "keep":
                continue
            theirs = _of(plan, subject_ids)
            for subject_id, count in (await self._count(name, plan, theirs, session)).items():
                records[subject_id] += count
            if plan.open_when:
                still_open = {**theirs, **{field: {"$in": list(v)} for field, v in plan.open_when.items()}}
                async for document in self._database[name].find(
                    still_open, {plan.subject: 1, str(plan.order): 1}, session=session
                ):
                    open_orders[document[plan.subject]].add(document[str(plan.order)])
        return {s: Restricted(records[s], tuple(sorted(open_orders[s]))) for s in subject_ids}

    async def restrict_again(self, subject_ids: Sequence[str], now: datetime, session: Session) -> int:
        """Mark those of the subjects' records that have no mark, as after a restore; returns how many there were."""
        marked = 0
        for name, plan in self._plans.items():
            if plan.restrictable:
                without = {**_of(plan, subject_ids), "restricted_at": None}
                change = {"$set": {"restricted_at": now}}
                marked += (await self._database[name].update_many(without, change, session=session)).modified_count
        return marked

    async def erase(
        self, targets: Sequence[Target], now: datetime, session: Session
    ) -> dict[str, dict[str, CollectionCount]]:
        """Counts per subject and collection, of this call."""
        counts: dict[str, dict[str, CollectionCount]] = {target.subject_id: {} for target in targets}
        for name, plan in self._plans.items():
            if plan.subject is None:
                continue
            for subject_id, count in (await self._erase_collection(name, plan, targets, now, session)).items():
                counts[subject_id][name] = count
        return counts

    async def _erase_collection(
        self, name: str, plan: Plan, targets: Sequence[Target], now: datetime, session: Session
    ) -> dict[str, CollectionCount]:
        theirs = _of(plan, [target.subject_id for target in targets])
        matched = await self._count(name, plan, theirs, session)
        if plan.action == "keep":
            return {t.subject_id: _kept(matched.get(t.subject_id, 0)) for t in targets}
        if not matched:
            return {target.subject_id: CollectionCount() for target in targets}
        waits = plan.deferred_by or plan.until_settled
        waiting = [order for target in targets for order in target.open_orders] if waits else []
        deferred: dict[str, int] = {}
        erasable = theirs
        if waiting:
            order = str(plan.order)
            open_ones = {**theirs, order: {"$in": waiting}}
            deferred = await self._count(name, plan, open_ones, session)
            erasable = {**theirs, order: {"$nin": waiting}}
            if plan.until_settled:
                at_once = dict.fromkeys(set(plan.unset) - set(plan.until_settled), "")
                await self._database[name].update_many(open_ones, {"$unset": at_once}, session=session)
        await self._carry_out(self._database[name], plan, erasable, now, session)
        left = await self._count(name, plan, erasable, session)
        return {
            target.subject_id: _counted(plan, *(of.get(target.subject_id, 0) for of in (matched, deferred, left)))
            for target in targets
        }

    async def _carry_out(
        self, collection: Collection, plan: Plan, erasable: Mapping[str, Any], now: datetime, session: Session
    ) -> None:
        if plan.action == "destroy":
            await collection.delete_many(erasable, session=session)
        else:
            change = {"$unset": dict.fromkeys(plan.unset, ""), "$set": {"erased_at": now}}
            await collection.update_many(erasable, change, session=session)

    async def _count(self, name: str, plan: Plan, matching: Mapping[str, Any], session: Session) -> dict[str, int]:
        groups: Iterable[Any] = (
            await self._database[name]
            .aggregate(
                [{"$match": matching}, {"$group": {"_id": f"${plan.subject}", "count": {"$sum": 1}}}], session=session
            )
            .to_list(None)
        )
        return {group["_id"]: group["count"] for group in groups}


def _of(plan: Plan, subject_ids: Sequence[str]) -> dict[str, Any]:
    return {str(plan.subject): {"$in": list(subject_ids)}}


def _kept(matched: int) -> CollectionCount:
    return CollectionCount(matched=matched, kept=matched)


def _counted(plan: Plan, matched: int, deferred: int, left: int) -> CollectionCount:
    erased = matched - deferred - left
    return CollectionCount(
        matched=matched,
        destroyed=erased if plan.action == "destroy" else 0,
        depersonalised=erased if plan.action == "depersonalise" else 0,
        deferred=deferred,
        residual=left,
    )
