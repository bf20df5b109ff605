"""Send a promotional campaign (purpose 3.2.8): only to whoever has a live consent to it. Everybody else is refused
here, and whoever withdraws meanwhile when the message is about to leave."""

from dataclasses import dataclass
from datetime import datetime

import structlog

from services.notifications.campaign_store import CampaignStore, Texts
from services.notifications.choice_store import ChoiceStore
from services.notifications.message_store import Due, MessageStore
from services.notifications.recipient_store import RecipientStore

PURPOSE = "3.2.8"  # events and promotions
log = structlog.get_logger()


class CampaignDiffers(Exception):
    def __init__(self) -> None:
        super().__init__(
            "A campaign of this id has other texts: part of it may be sent. Give the new texts an id of their own."
        )


@dataclass(frozen=True, slots=True)
class Queued:
    """People, not messages. `refused`: without a live consent to promotions."""

    queued: int
    refused: int


@dataclass(frozen=True, slots=True)
class SendCampaign:
    campaigns: CampaignStore
    choices: ChoiceStore
    recipients: RecipientStore
    messages: MessageStore

    async def send(self, campaign: str, texts: Texts, now: datetime) -> Queued:
        """Let its messages be due, one a person. May be repeated: nobody gets it twice. Raises CampaignDiffers."""
        await self.campaigns.add(campaign, texts, now)
        if (await self.campaigns.texts_of([campaign]))[campaign] != texts:
            raise CampaignDiffers
        queued = 0
        async for subject_ids in self.choices.with_promotions():
            orders = await self.recipients.newest_orders(subject_ids)
            await self.messages.queue([_due(campaign, *order) for order in orders.items()], now)
            queued += len(orders)
        refused = await self.recipients.count_people() - queued
        log.info("campaign_queued", purpose=PURPOSE, accepted=queued, refused=refused)
        return Queued(queued, max(0, refused))


def _due(campaign: str, subject_id: str, order_id: str) -> Due:
    return Due("promotion", "email", PURPOSE, order_id, subject_id, campaign, campaign)
