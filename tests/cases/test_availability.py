"""Cases of how much can be promised, each a test under its id."""

import pytest

from tests.cases.availability import (
    at_locations,
    carts,
    ledgers,
    positions,
    queues,
    reservations,
    states,
)
from tests.cases.comparing import compare
from tests.cases.observing import Case, Pure, Stored, observe
from tests.cases.reading import cases

# What may be sold is worked out by the pure model; what becomes of stock, by the stores.
PURE: Pure = {
    "salable_qty": positions.salable_qty,
    "is_salable": positions.is_salable,
    "requested_qty": positions.requested_qty,
    "available_qty": positions.available_qty,
    "cart_add_clamp": positions.cart_add_clamp,
    "channel_atp": positions.channel_atp,
    "stock_events": queues.stock_events,
    "backorder_fill": queues.backorder_fill,
    "reservation_audit": reservations.reservation_audit,
}
STORED: Stored = {
    "ledger": ledgers.ledger,
    "allocation_ledger": ledgers.allocation_ledger,
    "reservation_ledger": reservations.reservation_ledger,
    "cart_reservation": carts.cart_reservation,
    "location_reservation": at_locations.location_reservation,
    "inventory_mode": states.inventory_mode,
    "inventory_states": states.inventory_states,
}


FILES = ("availability.json", "availability_own.json")


@pytest.mark.parametrize(
    "case", [pytest.param(case, id=case["id"]) for file in FILES for case in cases(file)]
)
def test_availability(case: Case) -> None:
    compare(case, observe(case, PURE, STORED))
