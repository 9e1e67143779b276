"""Payments that a person handles: a capture asked for, a hold let go of, money that came in."""

from typing import Annotated, Any

from aws_lambda_powertools.event_handler.openapi.params import Body, Header, Path
from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter

from oms.aws import stores
from oms.aws.http import caller, refusals
from oms.aws.observability import correlation_id
from oms.kernel.clock import utc_now
from oms.kernel.events import Cause
from oms.orders import by_hand
from oms.orders.by_hand_contract import CapturePayment, PaymentReceipt, amount_of, receipt_of
from oms.orders.model import Order
from oms.orders.money_contract import PaymentView, payment_view

router = APIGatewayHttpRouter()  # type: ignore[no-untyped-call]

OrderId = Annotated[str, Path(pattern=r"^ord_[a-z2-7]{26}$")]
PaymentId = Annotated[str, Path(pattern=r"^pay_[a-z2-7]{26}_[1-9]\d{0,3}$")]
_AS_IT_IS: dict[int, Any] = {200: {"description": "The payment as it is now"}}


@router.post(
    "/v1/orders/<order_id>/payments/<payment_id>/capture",
    summary="Have a payment captured, or captured once more",
    description="Asked of its provider at once, under the caller's Idempotency-Key. Refused above"
    " what is held (`capture_above_authorized`, with `capturable`) and above what is owed. Without"
    " a body what is owed is taken, also what could not be taken before.",
    tags=["payments"],
    responses={**_AS_IT_IS, **refusals(400, 401, 403, 404, 409, 415, 422, 503)},
)
def capture_payment(
    order_id: OrderId,
    payment_id: PaymentId,
    asked: Annotated[CapturePayment | None, Body()] = None,
    idempotency_key: Annotated[str, Header(alias="Idempotency-Key", max_length=128)] = "",
) -> PaymentView:
    orders, amount = stores.orders(), None
    if asked and asked.amount is not None:
        amount = amount_of(asked.amount, asked.currency, orders.load(order_id))
    order = by_hand.request_capture(order_id, payment_id, amount, idempotency_key, orders, _cause())
    return _view(order, payment_id)


@router.post(
    "/v1/orders/<order_id>/payments/<payment_id>/void",
    summary="Let go of what a payment holds",
    description="Possible when the order is covered without it; else refused with"
    " `hold_is_needed`. What is let go of already stays so.",
    tags=["payments"],
    responses={**_AS_IT_IS, **refusals(401, 403, 404, 409, 422, 503)},
)
def void_payment(order_id: OrderId, payment_id: PaymentId) -> PaymentView:
    order = by_hand.request_void(order_id, payment_id, stores.orders(), _cause())
    return _view(order, payment_id)


@router.post(
    "/v1/orders/<order_id>/payments/<payment_id>/receipts",
    summary="Record money that came in: a bank transfer, cash, what a channel collected",
    description="In parts, too: an order goes on when all of it is there. What is over is given"
    " back. The same receipt again changes nothing.",
    tags=["payments"],
    responses={**_AS_IT_IS, **refusals(400, 401, 403, 404, 409, 415, 422, 503)},
)
def record_payment_receipt(
    order_id: OrderId, payment_id: PaymentId, received: Annotated[PaymentReceipt, Body()]
) -> PaymentView:
    orders = stores.orders()
    told = receipt_of(received, orders.load(order_id))
    order = by_hand.record_receipt(order_id, payment_id, told, orders, _cause())
    return _view(order, payment_id)


def _view(order: Order, payment_id: str) -> PaymentView:
    return payment_view(order.payments.find(payment_id))


def _cause() -> Cause:
    return Cause(utc_now(), caller(router), correlation_id=correlation_id())
