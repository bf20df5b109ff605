"""Run the policy's erasure plan over one store's collections, for thousands of subjects at a time.

Every statement is set-based: one count, one delete or update and one recount per collection, whatever the number
of subjects. Called within the caller's transaction, so that the counts, the erasure and the receipts agree.
Erasing what is already gone counts zero and is a success.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from shared.contracts.erasure import CollectionCount
from shared.policy.rows import Collection as Plan
from shared.policy.rows import Store
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


@dataclass(frozen=True, slots=True)
class _Found:
    """One collection's records of the subjects. erasable: what goes now; waiting: what an open order needs, or None.
    matched, deferred: subject id → how many."""

    matched: Mapping[str, int]
    erasable: Mapping[str, Any]
    waiting: Mapping[str, Any] | None = None
    deferred: Mapping[str, int] = field(default_factory=dict)


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
        for name, plan in self._plans.items():
            if plan.subject and plan.action != "keep":
                for subject_id, count in (await self._count(name, plan, _of(plan, subject_ids), session)).items():
                    records[subject_id] += count
        still_open = await self.open_orders(subject_ids, session)
        return {s: Restricted(records[s], still_open[s]) for s in subject_ids}

    async def open_orders(self, subject_ids: Sequence[str], session: Session) -> dict[str, tuple[str, ...]]:
        """Subject id → its orders that are still to be fulfilled, as this store knows it."""
        found: dict[str, set[str]] = {subject_id: set() for subject_id in subject_ids}
        for name, plan in self._plans.items():
            if plan.subject is None or plan.action == "keep" or not plan.open_when:
                continue
            still_open = {path: {"$in": list(values)} for path, values in plan.open_when.items()}
            theirs = {**_of(plan, subject_ids), **still_open}
            async for document in self._database[name].find(
                theirs, {plan.subject: 1, str(plan.order): 1}, session=session
            ):
                found[document[plan.subject]].add(document[str(plan.order)])
        return {subject_id: tuple(sorted(orders)) for subject_id, orders in found.items()}

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
            found = await self._find(name, plan, targets, session)
            left = await self._erase_found(name, plan, found, now, session)
            for target in targets:
                counts[target.subject_id][name] = _counted(plan, found, left, target.subject_id)
        return counts

    async def foresee(self, targets: Sequence[Target], session: Session) -> dict[str, dict[str, CollectionCount]]:
        """The counts `erase` would have, of the same statements; changes nothing."""
        counts: dict[str, dict[str, CollectionCount]] = {target.subject_id: {} for target in targets}
        for name, plan in self._plans.items():
            if plan.subject is None:
                continue
            found = await self._find(name, plan, targets, session)
            for target in targets:
                counts[target.subject_id][name] = _counted(plan, found, {}, target.subject_id)
        return counts

    async def _find(self, name: str, plan: Plan, targets: Sequence[Target], session: Session) -> _Found:
        theirs = _of(plan, [target.subject_id for target in targets])
        matched = await self._count(name, plan, theirs, session)
        waits = matched and plan.action != "keep" and (plan.deferred_by or plan.until_settled)
        orders = [order for target in targets for order in target.open_orders] if waits else []
        if not orders:
            return _Found(matched, theirs)
        path = str(plan.order)
        waiting = {**theirs, path: {"$in": orders}}
        deferred = await self._count(name, plan, waiting, session)
        return _Found(matched, {**theirs, path: {"$nin": orders}}, waiting, deferred)

    async def _erase_found(
        self, name: str, plan: Plan, found: _Found, now: datetime, session: Session
    ) -> Mapping[str, int]:
        """Subject id → how many records are still there that should have gone."""
        if plan.action == "keep" or not found.matched:
            return {}
        if found.waiting and plan.until_settled:
            at_once = dict.fromkeys(set(plan.unset) - set(plan.until_settled), "")
            await self._database[name].update_many(found.waiting, {"$unset": at_once}, session=session)
        await self._carry_out(self._database[name], plan, found.erasable, now, session)
        return await self._count(name, plan, found.erasable, session)

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


def _counted(plan: Plan, found: _Found, left: Mapping[str, int], subject_id: str) -> CollectionCount:
    matched, deferred, residual = (of.get(subject_id, 0) for of in (found.matched, found.deferred, left))
    gone = matched - deferred - residual
    return CollectionCount(
        matched=matched,
        destroyed=gone if plan.action == "destroy" else 0,
        depersonalised=gone if plan.action == "depersonalise" else 0,
        deferred=deferred,
        kept=gone if plan.action == "keep" else 0,
        residual=residual,
    )
