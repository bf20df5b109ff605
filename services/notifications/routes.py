"""The operator's HTTP interface: what became of messages, and campaigns. Never a text that went out, or to whom."""

from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query
from pydantic import BaseModel, ConfigDict, Field, SecretStr, StringConstraints

from services.notifications.message_store import MessageStore
from services.notifications.send_campaign import CampaignDiffers, SendCampaign
from shared.contracts.event import RecordId
from shared.contracts.kazakhstan import TextLine
from shared.http.bearer import require_token
from shared.http.problems import Problem
from shared.stores.mongo import Document

CampaignId = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{2,59}$")]


class _Request(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class Text(_Request):
    subject: Annotated[TextLine, Field(max_length=150)]
    body: Annotated[str, StringConstraints(min_length=1, max_length=5_000, strip_whitespace=True)]


class Texts(_Request):
    kk: Text
    ru: Text
    en: Text


class CampaignRequest(_Request):
    campaign_id: Annotated[CampaignId, Field(description="Lower-case letters, digits and hyphens; yours to choose")]
    texts: Texts


class OperatorRoutes:
    def __init__(self, *, token: SecretStr, messages: MessageStore, send_campaign: SendCampaign) -> None:
        self._messages = messages
        self._send_campaign = send_campaign
        self.router = APIRouter(prefix="/v1", dependencies=[Depends(require_token(token, role="operator"))])
        self.router.get("/messages")(self.list_messages)
        self.router.post("/campaigns", status_code=202)(self.send_campaign)
        self.router.get("/campaigns/{campaign_id}")(self.show_campaign)

    async def list_messages(self, order_id: Annotated[RecordId, Query()]) -> dict[str, Any]:
        """Oldest first. An order that notifications has not heard of has none."""
        return {"messages": [shown(document) for document in await self._messages.of_order(order_id)]}

    async def send_campaign(self, request: CampaignRequest) -> dict[str, Any]:
        """Send a promotion to whoever has a live consent to promotions (clause 3.2.8). May be repeated."""
        try:
            outcome = await self._send_campaign.send(request.campaign_id, request.texts.model_dump(), datetime.now(UTC))
        except CampaignDiffers as differs:
            raise Problem(409, "The campaign has other texts", str(differs)) from None
        return {"campaign_id": request.campaign_id, "queued": outcome.queued, "refused": outcome.refused}

    async def show_campaign(self, campaign_id: Annotated[CampaignId, Path()]) -> dict[str, Any]:
        return {"campaign_id": campaign_id, "messages": await self._messages.states_of_campaign(campaign_id)}


def shown(document: Document) -> dict[str, Any]:
    return {
        "message_id": document["_id"],
        "kind": document["kind"],
        "channel": document["channel"],
        "state": document["state"],
        "reason": document.get("reason"),
        "attempts": document["attempts"],
        "created_at": document["created_at"],
        "settled_at": document.get("settled_at"),
    }
