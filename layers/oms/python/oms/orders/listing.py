"""Finding orders by channel or customer."""

from dataclasses import dataclass

from oms.kernel.clock import parse_rfc3339, rfc3339
from oms.kernel.errors import Fault, Invalid
from oms.orders.model import Order, State
from oms.orders.store import OrderIndex

_FIRST, _LAST = "0000", "9999"


@dataclass(frozen=True, slots=True)
class Filter:
    """``since`` and ``until`` bound the capture time, both included; empty means open."""

    channel: str = ""
    customer: str = ""
    state: State | None = None
    since: str = ""
    until: str = ""


@dataclass(frozen=True, slots=True)
class Page:
    """A page may hold fewer orders than asked for, and still not be the last."""

    orders: tuple[Order, ...]
    cursor: str | None


def list_orders(wanted: Filter, limit: int, cursor: str | None, orders: OrderIndex) -> Page:
    """Orders of one channel or of one customer, newest first. Raises ``Invalid``."""
    if bool(wanted.channel) == bool(wanted.customer):
        raise _invalid("channel", "filter_needed", "give either channel or customer")
    since, until = _bound("from", wanted.since, _FIRST), _bound("to", wanted.until, _LAST)
    if wanted.channel:
        keys = orders.list_by("channel", wanted.channel, since, until, limit, cursor)
    else:
        keys = orders.list_by("customer", wanted.customer, since, until, limit, cursor)
    found = (orders.load(order_id) for order_id in keys.order_ids)
    matching = tuple(order for order in found if wanted.state in (None, order.state))
    return Page(matching, keys.cursor)


def _bound(path: str, text: str, otherwise: str) -> str:
    if not text:
        return otherwise
    try:
        return rfc3339(parse_rfc3339(text))
    except ValueError:
        raise _invalid(path, "invalid_time", "give an RFC 3339 time with a zone") from None


def _invalid(path: str, code: str, message: str) -> Invalid:
    return Invalid(message, code=code, faults=(Fault(path, code, message),))
