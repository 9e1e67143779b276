"""Exchanges and claims over HTTP."""

from typing import Annotated, Any

from aws_lambda_powertools.event_handler.openapi.params import Body, Header, Query
from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter

from functions.returns.desk import (
    REFUSALS,
    VIEW,
    OrderId,
    ReturnId,
    cause_of,
    check_override,
    return_desk,
)
from oms.aws import gift_cards, stores
from oms.aws.http import reply
from oms.orders.model import Order
from oms.returns import exchanging, returning
from oms.returns.asking import AskedReturn
from oms.returns.contract import ReturnView, return_view
from oms.returns.exchange_contract import (
    ClaimDocument,
    ConfirmExchangeDocument,
    ExchangeAnswer,
    ExchangeDocument,
    asked_claim,
    asked_exchange,
    exchange_answer,
)
from oms.returns.exchanging import ExchangeDesk

router = APIGatewayHttpRouter()  # type: ignore[no-untyped-call]

Preview = Annotated[bool, Query(description="Say what would happen, and do nothing")]


@router.post(
    "/v1/orders/<order_id>/claims",
    summary="Claim that what came is not what should have come",
    description="A return of kind `claim`: a person approves it, or rejects it. Where the goods"
    " come back it is received and inspected as any return; else it is resolved at once: with"
    " money, or with a new order (`POST /v1/returns/{return_id}/exchange/confirm`). The same again"
    " under one Idempotency-Key answers the same claim.",
    tags=["returns"],
    responses={
        200: {"description": "Claimed before", "content": VIEW},
        201: {"description": "Claimed now", "content": VIEW},
        **REFUSALS,
    },
)
def claim(
    order_id: OrderId,
    document: Annotated[ClaimDocument, Body()],
    idempotency_key: Annotated[str, Header(alias="Idempotency-Key", max_length=128)] = "",
) -> Any:
    check_override(router, document.override)
    desk = return_desk()

    def asked(order: Order) -> AskedReturn:
        policy = desk.policies.for_channel(order.content.channel)
        return asked_claim(document, order, policy, idempotency_key)

    done = returning.request(order_id, asked, desk, cause_of(router, document.override))
    view = return_view(done.order, done.found)
    return reply(201 if done.created else 200, view.model_dump(mode="json"))


@router.put(
    "/v1/returns/<return_id>/exchange",
    summary="Say what is wanted in exchange",
    description="As often as it takes, until it is confirmed: each time it says what is to be paid"
    " in addition, or what goes back. Nothing of it costs anybody anything yet.",
    tags=["returns"],
    responses={200: {"description": "What it comes to"}, **REFUSALS},
)
def draft(
    return_id: ReturnId,
    document: Annotated[ExchangeDocument, Body()],
    preview: Preview = False,
) -> ExchangeAnswer:
    done = exchanging.draft(
        return_id, document, _exchange_desk(), cause_of(router), preview=preview
    )
    return exchange_answer(done.order, done.found, done.quote, document)


@router.post(
    "/v1/returns/<return_id>/exchange/confirm",
    summary="Make the new order that stands for what comes back",
    description="Once what was asked for has come, or before with `advance`. What comes back pays"
    " the new order; what is due in addition the customer pays, once, and what is over goes back to"
    " her. Of a claim without a draft it is the same again, free. Sent again it answers the same."
    " With `preview` nothing happens: the answer says what it would come to.",
    tags=["returns"],
    responses={
        200: {
            "description": "Confirmed before; a preview",
            "content": {"application/json": {"model": ReturnView | ExchangeAnswer}},
        },
        201: {"description": "Confirmed now", "content": VIEW},
        **REFUSALS,
    },
)
def confirm(
    return_id: ReturnId,
    document: Annotated[ConfirmExchangeDocument | None, Body()] = None,
    preview: Preview = False,
) -> Any:
    asked = asked_exchange(document)
    note = document.note if document else ""
    if preview:
        seen, wanted = exchanging.preview(
            return_id, asked, _exchange_desk(), cause_of(router, note)
        )
        answer = exchange_answer(seen.order, seen.found, seen.quote, wanted)
        return reply(200, answer.model_dump(mode="json"))
    payments = document.payments if document else []
    done = exchanging.confirm(return_id, asked, payments, _exchange_desk(), cause_of(router, note))
    view = return_view(done.order, done.found)
    return reply(201 if done.created else 200, view.model_dump(mode="json"))


def _exchange_desk() -> ExchangeDesk:
    return ExchangeDesk(return_desk(), stores.expected_returns(), gift_cards.digest)
