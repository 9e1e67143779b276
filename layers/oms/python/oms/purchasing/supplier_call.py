"""What a supplier is told at the ``callback_url`` of its node: its orders, and which of the items
that it is asked for are sold out, or back.

The body::

    {"type": "purchase_order.sent",                    or .changed, or .cancelled
     "timestamp": "2026-05-01T12:00:00.000Z",          when it happened
     "data": {"id": "po_1", "version": 2, "state": "sent", "node": "sp-dc",
              "lines": [{"sku": "TEE", "quantity": 20, "due": "2026-05-14T12:00:00.000Z"}]}}

What is to be sent to a customer has no ``node``, but in ``data`` also ``"drop_ship": true``, the
``reference`` by which the customer knows it, and ``ship_to``: ``name``, ``line1``, ``line2``,
``district``, ``city``, ``region``, ``postal_code``, ``country``.

    {"type": "item.sold_out",                          or item.back_in_stock
     "timestamp": "2026-05-01T12:00:00.000Z",
     "data": {"sku": "TEE"}}

``data`` is the order as it stands when the call leaves; the higher ``version`` is the newer. The
call is signed as channels' callbacks are, under a secret of the supplier's own.
"""

import json
from collections.abc import Callable, Mapping
from decimal import Decimal

from oms.catalog.model import Node
from oms.kernel.clock import rfc3339
from oms.kernel.events import Envelope
from oms.kernel.quantity import quantity_number
from oms.notifications.callback import CallbackOutcome, SignedPost
from oms.notifications.signing import supplier_name
from oms.purchasing.model import PurchaseOrder
from oms.purchasing.purchasing import read
from oms.purchasing.store import Purchases

CALL_TYPES = {
    "purchase_order_sent": "purchase_order.sent",
    "purchase_order_changed": "purchase_order.changed",
    "purchase_order_cancelled": "purchase_order.cancelled",
    "item_sold_out": "item.sold_out",
    "item_back_in_stock": "item.back_in_stock",
}


def call_suppliers(
    event: Envelope, purchases: Purchases, node: Callable[[str], Node | None], post: SignedPost
) -> dict[str, CallbackOutcome]:
    """By supplier. Raises ``ProviderUnavailable`` when one did not accept it: all are called again
    then, under the same id. An order that it never had is not called off there."""
    if event.type not in CALL_TYPES or event.data.get("was_sent") is False:
        return {}
    if event.type.startswith("item_"):
        concerned, data = event.data["suppliers"], {"sku": event.data["sku"]}
        assert isinstance(concerned, list)
    else:
        order = read(event.subject, purchases)
        concerned, data = [order.supplier], _of_order(order)
    called = {}
    for supplier_id in concerned:
        supplier = node(supplier_id)
        if supplier is None or not supplier.callback_url:
            called[supplier_id] = CallbackOutcome.NO_CALLBACK_URL
            continue
        name = supplier_name(supplier_id)
        called[supplier_id] = post(supplier.callback_url, name, event.id, _body(event, data))
    return called


def _body(event: Envelope, data: Mapping[str, object]) -> str:
    document = {
        "type": CALL_TYPES[event.type],
        "timestamp": rfc3339(event.at),
        "data": data,
    }
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False, default=_number)


def _of_order(order: PurchaseOrder) -> dict[str, object]:
    return {
        "id": order.id,
        "version": order.version,
        "state": order.state,
        "node": order.node,
        "lines": [
            {
                "sku": line.sku,
                "quantity": quantity_number(line.ordered, line.scale),
                "due": rfc3339(line.due),
            }
            for line in order.lines
        ],
        **_to_customer(order),
    }


def _to_customer(order: PurchaseOrder) -> dict[str, object]:
    to = order.ship_to
    if to is None:
        return {}
    address = {
        "name": to.name,
        "line1": to.line1,
        "line2": to.line2,
        "district": to.district,
        "city": to.city,
        "region": to.region,
        "postal_code": to.postal_code,
        "country": to.country,
    }
    return {"drop_ship": True, "reference": order.reference, "ship_to": address}


def _number(value: object) -> float:
    # A quantity's few decimals survive the shortest float.
    assert isinstance(value, Decimal)
    return float(value)
