"""Cases of what guards an order's steps.

A basket is the channel's; placing it is capturing the order, which is refused as a whole. No state
is set by hand here: an order stands where what was paid, sent and cancelled has brought it, and is
*accepted* into a state when it stands there.
"""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from pydantic import ValidationError

from oms.kernel.errors import OmsError
from oms.orders import cancelling, sourcing
from oms.orders.capture import capture
from oms.orders.contract import CaptureOrder
from oms.orders.model import State
from oms.routing.policies import BuiltIn
from tests.cases.lifecycle import payments
from tests.cases.lifecycle.guards import opened
from tests.cases.lifecycle.shop import Shop, order_called
from tests.cases.payments.ledger import SOME_TOTAL
from tests.cases.reading import Keys, Step, steps_of
from tests.integration.world import World
from tests.samples import CAUSE

Facts = dict[str, Any]

_BASKET = frozenset({"created", "draft", "adding_items", "unconfirmed", "cart"})
_CHANGES = frozenset({"set-qty", "remove-all", "remove-line", "remove-item"})
_VERBS = frozenset({"to", "confirm", *_CHANGES})
_SAID = (
    *("lines", "customer", "shipping_method", "in_stock", "variant_deleted"),
    *("payments", "order_total", "live_units", "fulfilments"),
)
_PAID = frozenset({"payment_authorized", "payment_settled"})


def guarded(given: Keys, when: Any, then: Keys, oms: World) -> Facts:
    state = str(given.value("state"))
    read = {name: given.value(name) for name in _SAID if name in given}
    facts: Facts = {"accepted": True, "state": state}
    for step in steps_of(when, _VERBS):
        step.more.done()
        facts = _step(step, state, read, oms)
    return facts


def _step(step: Step, state: str, given: Mapping[str, Any], oms: World) -> Facts:
    if step.verb in _CHANGES:
        return _change(step.verb, state, oms)
    if step.verb == "confirm":
        placed = state in _BASKET and _place(given, oms)
        return {"accepted": placed, "state": "unfulfilled" if placed else state}
    to = str(step.value)
    accepted = _stands(to, state, given, oms)
    return {"accepted": accepted, "state": to if accepted else state}


def _stands(to: str, state: str, given: Mapping[str, Any], oms: World) -> bool:
    if state in _BASKET:
        return to == "arranging_payment" and _place(given, oms)
    if to in _PAID:
        said = {name: given[name] for name in ("payments", "order_total") if name in given}
        covered = payments.cover(
            Keys("given", {"order_total": SOME_TOTAL, **said}), "check_cover", Keys("then", {})
        )
        name = "settled" if to == "payment_settled" else "authorized_or_settled"
        return bool(covered[f"covered_by_{name}"])
    if to in ("cancelled", "canceled"):
        return _without_units(given.get("live_units", 1), oms).order.state is State.CANCELLED
    if parts := given.get("fulfilments"):
        shop = opened(Keys("given", {"fulfilments": parts}), oms)
        return order_called(to, shop.order) == to
    return False


def _place(given: Mapping[str, Any], oms: World) -> bool:
    """Whether the order can be captured as its basket is, and has what it needs of the stock."""
    lines = int(given.get("lines", 1))
    sku = "GONE" if given.get("variant_deleted") else "MUG"
    document: dict[str, Any] = {
        "channel": "web",
        "channel_order_id": "1",
        "currency": "BRL",
        "lines": [
            {"line_id": f"L{number}", "sku": sku, "quantity": 1, "unit_price": "10.00"}
            for number in range(lines)
        ],
        "total": f"{lines * 10}.00",
        "payment": {"method": "card", "token": "4242424242424242"},
        "on_out_of_stock": "cancel",
    }
    if given.get("customer", True):
        document["customer"] = {"name": "Ana"}
    if given.get("shipping_method", True):
        document["shipping_address"] = {
            "name": "Ana",
            "line1": "Rua 1",
            "city": "Lisboa",
            "country": "PT",
        }
    if given.get("in_stock", True):
        oms.receive("MUG", max(1, lines))
    try:
        placed = capture(CaptureOrder.model_validate(document), oms.orders, oms.catalog, CAUSE)
        orders, stock, catalog = oms.orders, oms.stock, oms.catalog
        sourcing.reserve(placed.order.order_id, orders, stock, catalog, BuiltIn(), CAUSE)
    except (OmsError, ValidationError):
        return False
    return True


def _without_units(live: Any, oms: World) -> Shop:
    """An order that is paid, of which so many units are still wanted."""
    shop = Shop(oms, {"L1": 2})
    shop.reserve()
    shop.pay()
    _cancel(shop, 2 - min(2, int(live)))
    return shop


def _cancel(shop: Shop, units: int) -> None:
    if not units:
        return
    asked = [cancelling.Asked("L1", Decimal(units))]
    orders, stock = shop.oms.orders, shop.oms.stock
    cancelling.cancel_lines(shop.order_id, asked, "fewer", "k", orders, stock, shop.cause())
    if shop.order.cancel_requested:
        shop.cancel_order()


def _change(verb: str, state: str, oms: World) -> Facts:
    """Lines are cancelled until they have left, whether the order is paid or not."""
    shop = Shop(oms, {"L1": 2})
    accepted = shop.attempt(lambda: _cancel(shop, 1 if verb == "set-qty" else 2))
    gone = shop.order.state is State.CANCELLED
    return {"accepted": accepted, "state": "cancelled" if gone else state}


KINDS: Mapping[str, Callable[[Keys, Any, Keys, World], Facts]] = {"guard.order": guarded}
