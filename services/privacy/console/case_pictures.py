"""The pictures of the console's first page, from figures over all cases."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from services.privacy.console.case_figures_store import CaseFiguresStore
from services.privacy.console.pictures import Chart, deadlines_ahead, per_day, since_shown


@dataclass(frozen=True, slots=True)
class CasePictures:
    figures: CaseFiguresStore

    async def charts(self, now: datetime) -> Mapping[str, Chart]:
        """`deadlines`; `cases`: received and closed a day; `erased`: records a day."""
        since = since_shown(now)
        received, closed = await self.figures.received(since), await self.figures.closed(since)
        return {
            "deadlines": deadlines_ahead(await self.figures.deadlines(), now),
            "cases": per_day([received, closed], now),
            "erased": per_day([await self.figures.erased(since)], now),
        }
