"""Ordering: its composition root, as app.py is the service's. What shops and people order with, on one screen."""

from fastapi import APIRouter

from services.intake.cancel_order import CancelOrder
from services.intake.holdings import Holdings
from services.intake.idempotency_store import COLLECTION, IdempotencyStore
from services.intake.order_desk import OrderDesk
from services.intake.order_groups import OrderGroups
from services.intake.order_pages import OrderPages
from services.intake.order_sealer import OrderSealer
from services.intake.place_export import ExportPlacing
from services.intake.place_orders import OrderPlacing, Stores
from services.intake.policy_pages import PolicyPages
from services.intake.recognise_people import Recognition
from services.intake.routes import MAX_ORDER_BYTES, ShopRoutes
from services.intake.settings import IntakeSettings
from services.intake.withdraw_consent import WithdrawConsent
from shared.pages.render import Pages
from shared.policy.model import Policy
from shared.stores.mongo import Client

SERVICE = "intake"


class Ordering:
    def __init__(
        self,
        settings: IntakeSettings,
        policy: Policy,
        client: Client,
        holdings: Holdings,
        recognition: Recognition,
        withdrawing: WithdrawConsent,
        pages: Pages,
    ) -> None:
        orders, outbox = holdings.orders, holdings.outbox
        self._answers = IdempotencyStore(client[SERVICE], policy.kept(SERVICE, COLLECTION))
        stores = Stores(orders, holdings.consents, holdings.subjects, self._answers, outbox)
        sealer = OrderSealer(policy, publisher=SERVICE, shop=settings.shop)
        desk = OrderDesk(policy, holdings.people, shop=settings.shop)
        groups = OrderGroups(OrderPlacing(client, stores, recognition, sealer))
        shop = ShopRoutes(
            token=settings.shop_token,
            desk=desk,
            groups=groups,
            exports=ExportPlacing(desk, groups, longest_line=MAX_ORDER_BYTES),
            orders=orders,
            cancelling=CancelOrder(client, orders, outbox),
            withdrawing=withdrawing,
        )
        order_pages = OrderPages(pages=pages, desk=desk, groups=groups, orders=orders, policy=policy)
        self.router = APIRouter()
        for router in (order_pages.router, PolicyPages(pages=pages, policy=policy).router, shop.router):
            self.router.include_router(router)

    async def ensure_indexes(self) -> None:
        await self._answers.ensure_indexes()
