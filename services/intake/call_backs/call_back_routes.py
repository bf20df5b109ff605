"""The operators' queue of call-backs for programs. The pages for people show the same (`operator_pages.py`)."""

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path
from pydantic import SecretStr

from services.intake.call_backs.end_call_backs import CallBackGone, EndCallBacks
from services.intake.call_backs.list_call_backs import CallBackQueue
from shared.contracts.event import RecordId
from shared.http.bearer import require_token
from shared.http.problems import Problem

CallBackId = Annotated[RecordId, Path(description="32 hexadecimal digits")]


class CallBackRoutes:
    def __init__(self, *, token: SecretStr, queue: CallBackQueue, ending: EndCallBacks) -> None:
        self._queue = queue
        self._ending = ending
        operators_only = [Depends(require_token(token, role="operator"))]
        self.router = APIRouter(prefix="/v1/call-backs", dependencies=operators_only)
        self.router.get("")(self.waiting)
        self.router.post("/{call_back_id}/done")(self.done)

    async def waiting(self) -> dict[str, Any]:
        """Who waits for a call, oldest first; `waiting` counts all of them."""
        people, count = await self._queue.waiting(datetime.now(UTC))
        return {"waiting": count, "call_backs": [asdict(person) for person in people]}

    async def done(self, call_back_id: CallBackId) -> dict[str, Any]:
        """The person was called: the request is destroyed."""
        try:
            await self._ending.called(call_back_id, datetime.now(UTC))
        except CallBackGone as gone:
            raise Problem(404, "No such request", str(gone)) from None
        return {"call_back_id": call_back_id, "done": True}
