"""Figures over many cases, for pictures: counts per day, never who."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from services.privacy.case_store import COLLECTION as CASES
from shared.policy.working_days import ALMATY
from shared.stores.mongo import Database


class CaseFiguresStore:
    """Of the cases that people's requests opened and of those that a period opened alike. Days are Almaty's."""

    def __init__(self, database: Database) -> None:
        self._cases = database[CASES]

    async def received(self, since: datetime) -> Mapping[date, int]:
        return await self._per_day([{"$match": {"received_at": {"$gte": since}}}, _counted("$received_at", since)])

    async def closed(self, since: datetime) -> Mapping[date, int]:
        return await self._per_day([{"$match": {"closed_at": {"$gte": since}}}, _counted("$closed_at", since)])

    async def erased(self, since: datetime) -> Mapping[date, int]:
        """Records destroyed or depersonalised, by the stores' signed receipts."""
        return await self._per_day(
            [
                {"$match": {"commanded_at": {"$gte": since}}},
                {"$project": {"round": {"$objectToArray": "$receipts"}}},
                {"$unwind": "$round"},
                {"$project": {"of": {"$objectToArray": "$round.v"}}},
                {"$unwind": "$of"},
                {
                    "$project": {
                        "at": {"$dateFromString": {"dateString": "$of.v.erased_at", "onError": None}},
                        "records": {"$objectToArray": "$of.v.collections"},
                    }
                },
                {"$match": {"at": {"$gte": since}}},
                {"$unwind": "$records"},
                _counted("$at", since, {"$add": ["$records.v.destroyed", "$records.v.depersonalised"]}),
            ]
        )

    async def deadlines(self) -> Mapping[date, int]:
        """Open cases by their last day to answer."""
        open_ones = {"$match": {"state": {"$ne": "closed"}}}
        return await self._per_day([open_ones, {"$group": {"_id": "$deadline", "count": {"$sum": 1}}}])

    async def _per_day(self, pipeline: list[dict[str, Any]]) -> Mapping[date, int]:
        """Of groups whose id is a day in ISO 8601; days without any are left out."""
        found = self._cases.aggregate(pipeline)
        return {date.fromisoformat(d["_id"]): d["count"] async for d in found if d["count"]}


def _counted(moment: str, since: datetime, count: Any = 1) -> dict[str, Any]:
    """A group a day. Almaty's offset is ours: MongoDB's table of time zones may not know the one of 2024 yet."""
    offset = since.astimezone(ALMATY).strftime("%z")
    day = {"$dateToString": {"date": moment, "format": "%Y-%m-%d", "timezone": offset}}
    return {"$group": {"_id": day, "count": {"$sum": count}}}
