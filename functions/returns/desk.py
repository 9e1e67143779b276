"""What the routes of returns share."""

from typing import Annotated, Any

from aws_lambda_powertools.event_handler.api_gateway import BaseRouter
from aws_lambda_powertools.event_handler.openapi.params import Path

from oms.aws import stores
from oms.aws.http import caller, refusals, scopes
from oms.aws.observability import correlation_id
from oms.fulfillment.staff import check_staff
from oms.kernel.clock import utc_now
from oms.kernel.events import Cause
from oms.orders.model import Order
from oms.returns.contract import ReturnView, return_view
from oms.returns.decisions import find
from oms.returns.store import ReturnDesk

OrderId = Annotated[str, Path(pattern=r"^ord_[a-z2-7]{26}$")]
ReturnId = Annotated[str, Path(pattern=r"^ret_[a-z2-7]{26}_\d{1,4}$")]
REFUSALS = refusals(400, 401, 403, 404, 409, 413, 415, 422, 503)
VIEW: dict[str, Any] = {"application/json": {"model": ReturnView}}
STEP = {200: {"description": "The return as it is now"}, **REFUSALS}


def return_desk() -> ReturnDesk:
    return ReturnDesk(stores.orders(), stores.stock(), stores.catalog(), stores.return_policies())


def cause_of(router: BaseRouter, reason: str = "") -> Cause:
    return Cause(utc_now(), caller(router), reason, correlation_id())


def check_override(router: BaseRouter, why: str) -> None:
    """What comes too late is accepted by staff. Raises ``Forbidden`` (``not_staff``)."""
    if why:
        check_staff(caller(router), scopes(router), stores.staff())


def shown(order: Order, return_id: str) -> ReturnView:
    return return_view(order, find(order, return_id))
