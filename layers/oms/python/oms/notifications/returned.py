"""What a notice of a return says, in facts.

What came is told from the receipt itself; whether it is still to be sent, from where the return
stands: a customer who has brought it meanwhile is not asked to.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from oms.kernel.encoding import from_plain
from oms.kernel.errors import NotFound
from oms.kernel.events import Envelope
from oms.notifications.lines import NoticeLine, notice_line
from oms.orders.model import Order
from oms.returns.model import Receipt, Return, ReturnState

RETURN_EVENTS = frozenset({"return_approved", "return_rejected", "return_received"})


@dataclass(frozen=True, slots=True)
class Returned:
    """``lines`` are what is to come back, or all that came; ``refused`` of it goes back to the
    customer. Who ``keeps_goods`` sends nothing. The label's are empty where there is none."""

    return_id: str
    lines: tuple[NoticeLine, ...]
    refused: tuple[NoticeLine, ...] = ()
    keeps_goods: bool = False
    carrier: str = ""
    tracking_number: str = ""


def returned_of(event: Envelope, order: Order) -> Returned | None:
    """None for what is no news to the customer. Raises ``NotFound``."""
    if event.type not in RETURN_EVENTS:
        return None
    return_id = str(event.data["return_id"])
    found = next((one for one in order.progress.returns if one.id == return_id), None)
    if found is None:
        raise NotFound(f"there is no return {return_id}")
    if event.type == "return_received":
        return _received(from_plain(event.data["receipt"], Receipt), order, found)
    if event.type == "return_approved" and not _is_to_be_sent(found):
        return None
    label = found.label
    return Returned(
        return_id,
        _lines(order, found.asked),
        keeps_goods=found.keeps_goods,
        carrier=label.carrier if label else "",
        tracking_number=label.tracking_number if label else "",
    )


def _is_to_be_sent(found: Return) -> bool:
    """Or is yet to be paid for without: of goods that the customer keeps nothing follows but the
    money, which is told."""
    return found.keeps_goods or found.state is ReturnState.APPROVED


def _received(receipt: Receipt, order: Order, found: Return) -> Returned | None:
    refused = {one.line_id: one.quantity for one in receipt.refused}
    came = {one.line_id: one.quantity for one in receipt.units}
    for line_id, quantity in refused.items():
        came[line_id] = came.get(line_id, 0) + quantity
    return Returned(found.id, _lines(order, came), _lines(order, refused))


def _lines(order: Order, units: Mapping[str, int]) -> tuple[NoticeLine, ...]:
    return tuple(
        notice_line(order.content.line(line_id), quantity) for line_id, quantity in units.items()
    )
