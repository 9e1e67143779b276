"""Cases about what a merchant asks of whoever fulfils, and what is answered.

A peer's request is a fulfilment of ours: it is submitted when the order is released to the node,
and the node accepts or rejects it. Cancelling is asked of the order; the answer is that its work is
taken back, or that a part of it has left. There is no day before which work is held back from a
node, and no hold on it: a step of that kind is in none of our tables, and is refused.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from oms.orders import decisions, fulfillment
from oms.orders.model import FulfillmentState
from oms.orders.transitions import after
from tests.cases.lifecycle.shop import DEAD_STATES, THERE, Shop, error_called
from tests.cases.reading import Keys, NotUnderstoodError, Step, steps_of
from tests.integration.world import World

Facts = dict[str, Any]

_REQUEST_STEPS = frozenset(
    """merchant_requests_fulfilment request_fulfilment submit_request
    service_accepts accept_request accept service_rejects reject_request reject
    merchant_requests_cancellation request_cancellation submit_cancellation
    service_accepts_cancellation accept_cancellation
    service_rejects_cancellation reject_cancellation
    service_closes_without_completing close_without_completing service_closes close""".split()
)
_STATUS_STEPS = frozenset(
    """report_progress mark_in_progress fulfil fulfill create_fulfilment create_fulfillment
    cancel cancel_fulfilment_order move""".split()
)
# Of these we have none.
_UNKNOWN_HERE = frozenset(
    """mark_as_open open release_hold hold add_hold apply_hold place_hold merchant_places_hold
    reschedule schedule set_deadline""".split()
)
_PAST = (FulfillmentState.SHIPPED, FulfillmentState.DELIVERED)


class _Request:
    """``closed``: given back after it was accepted; ``answer``: to who asked to cancel it."""

    def __init__(self, shop: Shop) -> None:
        self.shop = shop
        self.closed = False
        self.answer = ""

    @property
    def submitted(self) -> bool:
        return bool(self.shop.order.progress.fulfillments)

    def submit(self) -> None:
        self.shop.release()

    def accept(self) -> None:
        self.shop.step(self.shop.part.id, "accept")

    def reject(self) -> None:
        self.closed = self.shop.part.state is not FulfillmentState.OPEN
        self.shop.give_back(self.shop.part.id)

    def ask_to_cancel(self) -> None:
        self.shop.decide(lambda order: decisions.request_cancel(order, "asked"))
        self.answer = "cancellation_requested"

    def take_back(self) -> None:
        """The work goes back, and the order with it."""
        if not self.shop.order.cancel_requested:
            self.ask_to_cancel()
        oms = self.shop.oms
        fulfillment.withdraw(self.shop.order_id, oms.orders, oms.stock.capacity, self.shop.cause())
        self.answer = "cancellation_accepted"

    def keep(self) -> None:
        """A part of it has left: nothing can be cancelled any more."""
        if not self.shop.part.has_left:
            self.shop.to(self.shop.part.id, FulfillmentState.SHIPPED)
        self.answer = "cancellation_rejected"
        self.shop.decide(lambda order: decisions.request_cancel(order, "asked"))

    def move(self) -> None:
        """To a node that has it too."""
        shop = self.shop
        for sku, units in shop.part.units.items():
            shop.oms.receive(sku, units, shop.node(THERE))
        shop.move(shop.part.id)

    def advance(self, to: FulfillmentState) -> None:
        self.shop.to(self.shop.part.id, to)

    # --- in the words of the peer ---------------------------------------------------------------

    @property
    def request_status(self) -> str:
        if not self.submitted:
            return "unsubmitted"
        if self.answer:
            return self.answer
        state = self.shop.part.state
        if state in DEAD_STATES:
            return "closed" if self.closed else "rejected"
        return "submitted" if state is FulfillmentState.OPEN else "accepted"

    @property
    def status(self) -> str:
        if not self.submitted:
            return "open"
        state = self.shop.part.state
        if state in DEAD_STATES:
            return "incomplete" if self.closed else "cancelled"
        if state in _PAST:
            return "closed"
        return "open" if state is FulfillmentState.OPEN else "in_progress"


def fulfilment_order(given: Keys, when: Any, then: Keys, oms: World) -> Facts:
    shop = Shop(oms, {"L1": 1})
    shop.reserve()
    shop.pay()
    request = _Request(shop)
    _begin(request, given)
    for step in steps_of(when, _REQUEST_STEPS | _STATUS_STEPS | _UNKNOWN_HERE):
        step.more.done()
        if step.value is not None and step.verb not in _UNKNOWN_HERE | {"move"}:
            raise NotUnderstoodError(f"{step.verb}: {step.value!r}")
        shop.attempt(partial(_act, request, step))
    return {
        "accepted": not shop.refused,
        "error": error_called(then.value("error"), shop.refused) if shop.refused else None,
        "request_status": request.request_status,
        "status": request.status,
        "holds": [],
        "moved": request.submitted and shop.part.node == THERE,
    }


def _begin(request: _Request, given: Keys) -> None:
    given.first("assigned_to", "assigned_location")
    given.first("holds", "fulfil_at", "fulfill_at")
    begins = given.value("request_status")
    stands = given.value("status")
    for word, words in ((begins, _BEGINS), (stands, _STANDS)):
        if word is None:
            continue
        if word not in words:
            raise NotUnderstoodError(f"status: {word!r}")
        words[word](request)
    if begins is None and not request.submitted:
        request.submit()


def _accepted(request: _Request) -> None:
    request.submit()
    request.accept()


def _rejected(request: _Request) -> None:
    request.submit()
    request.reject()


def _cancelling(request: _Request) -> None:
    _accepted(request)
    request.ask_to_cancel()


def _cancelled(request: _Request) -> None:
    _cancelling(request)
    request.take_back()


def _closed(request: _Request) -> None:
    request.submit()
    request.advance(FulfillmentState.SHIPPED)


_BEGINS: Mapping[str, Callable[[_Request], None]] = {
    "unsubmitted": lambda request: None,
    "submitted": _Request.submit,
    "accepted": _accepted,
    "rejected": _rejected,
    "cancellation_requested": _cancelling,
    "cancellation_accepted": _cancelled,
    "cancellation_rejected": _accepted,
}
_STANDS: Mapping[str, Callable[[_Request], None]] = {
    "open": lambda request: None,
    "scheduled": lambda request: None,
    "on_hold": lambda request: None,
    "in_progress": _accepted,
    "closed": _closed,
    "cancelled": _cancelled,
    "incomplete": _rejected,
}


def _act(request: _Request, step: Step) -> None:
    match step.verb:
        case "merchant_requests_fulfilment" | "request_fulfilment" | "submit_request":
            request.submit()
        case "service_accepts" | "accept_request" | "accept":
            request.accept()
        case "service_rejects" | "reject_request" | "reject":
            request.reject()
        case "service_closes_without_completing" | "close_without_completing" | "service_closes":
            request.reject()
        case "close":
            request.reject()
        case "merchant_requests_cancellation" | "request_cancellation" | "submit_cancellation":
            request.ask_to_cancel()
        case "service_accepts_cancellation" | "accept_cancellation":
            request.take_back()
        case "cancel" | "cancel_fulfilment_order":
            request.take_back()
        case "service_rejects_cancellation" | "reject_cancellation":
            request.keep()
        case "move":
            request.move()
        case "report_progress" | "mark_in_progress":
            request.accept()
        case "fulfil" | "fulfill" | "create_fulfilment" | "create_fulfillment":
            request.advance(FulfillmentState.SHIPPED)
        case _:
            part = request.shop.part
            after(part.method, part.state, step.verb)
