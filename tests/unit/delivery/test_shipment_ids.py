"""One order is one shipment, whoever tells of it and however often."""

import re

from hypothesis import given
from hypothesis import strategies as st

from services.delivery.shipment_store import BEFORE, shipment_id_of
from shared.messaging.cloudevents import new_id

ORDERS = st.text("0123456789abcdef", min_size=32, max_size=32)


@given(ORDERS)
def test_a_shipment_id_is_stable_and_is_not_the_order_s(order_id: str) -> None:
    shipment_id = shipment_id_of(order_id)
    assert re.fullmatch("[0-9a-f]{32}", shipment_id)
    assert shipment_id == shipment_id_of(order_id)
    assert shipment_id != order_id


def test_orders_do_not_share_a_shipment() -> None:
    assert len({shipment_id_of(new_id()) for _ in range(1_000)}) == 1_000


def test_nothing_leads_out_of_a_settled_state() -> None:
    assert not {"delivered", "returned", "cancelled"} & {state for states in BEFORE.values() for state in states}
