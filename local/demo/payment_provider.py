"""The payment provider: reports, by signed webhook, what became of a payment that was pending."""

from collections.abc import Mapping

from local.demo.api import Document
from local.demo.board import Board, Order
from local.demo.samples import read
from local.demo.signed_webhook import SignedWebhooks

# A Pix is money at once; a card's bank lets the shop take it later.
_REPORTS: Mapping[str, str] = {
    "awaiting_pix": "webhooks/simulator_payment_captured.json",
    "awaiting_card": "webhooks/simulator_payment_authorized.json",
}


class PaymentProvider:
    def __init__(self, webhooks: SignedWebhooks) -> None:
        self._webhooks = webhooks
        self._reported: set[str] = set()

    def act(self, board: Board) -> None:
        for order in board.values():
            if order.status in _REPORTS and order.payment.id not in self._reported:
                call = report(order)
                self._webhooks.send(call["source"], call["headers"], call["body"])
                self._reported.add(order.payment.id)


def report(order: Order) -> Document:
    """The sample of this kind of report, made to speak of this order's payment."""
    call = read(_REPORTS[order.status])
    event = f"evt_{order.payment.id}"
    call["headers"]["webhook-id"] = event
    call["body"]["data"] |= {
        "event_id": event,
        "payment_id": order.payment.id,
        "amount": str(order.total),
        "currency": order.currency,
    }
    return call
