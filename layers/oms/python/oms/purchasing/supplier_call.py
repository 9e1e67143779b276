"""What a supplier is told of its orders, at the ``callback_url`` of its node.

The body::

    {"type": "purchase_order.sent",                    or purchase_order.cancelled
     "timestamp": "2026-05-01T12:00:00.000Z",          when it happened
     "data": {"id": "po_1", "version": 2, "state": "sent", "node": "sp-dc",
              "lines": [{"sku": "TEE", "quantity": 20, "due": "2026-05-14T12:00:00.000Z"}]}}

``data`` is the order as it stands when the call leaves; the higher ``version`` is the newer. The
call is signed as channels' callbacks are, under a secret of the supplier's own.
"""

import json
from collections.abc import Callable
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
    "purchase_order_cancelled": "purchase_order.cancelled",
}


def call_supplier(
    event: Envelope, purchases: Purchases, node: Callable[[str], Node | None], post: SignedPost
) -> CallbackOutcome:
    """Raises ``ProviderUnavailable`` when the supplier did not accept it and it is to be
    retried. An order that it never had is not called off there."""
    if event.type not in CALL_TYPES or event.data.get("was_sent") is False:
        return CallbackOutcome.NOTHING_TO_TELL
    order = read(event.subject, purchases)
    supplier = node(order.supplier)
    if supplier is None or not supplier.callback_url:
        return CallbackOutcome.NO_CALLBACK_URL
    return post(supplier.callback_url, supplier_name(supplier.id), event.id, _body(event, order))


def _body(event: Envelope, order: PurchaseOrder) -> str:
    document = {
        "type": CALL_TYPES[event.type],
        "timestamp": rfc3339(event.at),
        "data": {
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
        },
    }
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False, default=_number)


def _number(value: object) -> float:
    # A quantity's few decimals survive the shortest float.
    assert isinstance(value, Decimal)
    return float(value)
