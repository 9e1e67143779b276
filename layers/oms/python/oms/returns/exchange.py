"""What an exchange comes to, and confirming it: decisions, as in ``oms.orders.decisions``. Pure.

What comes back is worth what it would be refunded for. It pays a new order as far as that goes and
as far as it was paid itself; what is missing the customer pays, what is over goes back to her. All
of it is decided in one commit, so that there is one settlement however often it was edited before.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from oms.kernel.errors import Conflict, Invalid
from oms.kernel.ids import refund_id
from oms.orders import events as orders_events
from oms.orders.decisions import NOTHING, Events
from oms.orders.evolve import evolve_all
from oms.orders.model import Order, RefundedLine
from oms.orders.repaying import Purpose, left_to_repay, refund_of
from oms.payments.allocation import OWN_CREDIT
from oms.returns import events as happened
from oms.returns import worth
from oms.returns.advance import EXCHANGE
from oms.returns.decisions import find, limited_to_due, shown, to_settle
from oms.returns.model import (
    ChargeMeans,
    Resolution,
    Return,
    ReturnKind,
    Settlement,
    left_of,
)
from oms.returns.policy import RefundWhen, ReturnPolicy
from oms.returns.transitions import may_take

REASON = "exchange"


@dataclass(frozen=True, slots=True)
class AskedExchange:
    """``advance``: the new order leaves before the goods come; ``charge`` is charged if they do
    not, else the first card that paid. With ``close`` no more of them is expected. What is over
    goes back the way it came, or to ``refund_to``."""

    advance: bool = False
    close: bool = False
    charge: ChargeMeans | None = None
    refund_to: str = ""


@dataclass(frozen=True, slots=True)
class Quote:
    """Minor units. The new order comes to ``total``. Of what ``settlement`` gives for what comes
    back ``credit`` was paid by now; ``due`` is what the old order comes to without."""

    settlement: Settlement
    total: int
    credit: int
    due: int

    @property
    def returned(self) -> int:
        return self.settlement.amount

    @property
    def difference(self) -> int:
        """What the new order costs more, or less."""
        return self.total - self.returned

    @property
    def paid(self) -> int:
        """Of the new order, by what comes back."""
        return min(self.credit, self.total)

    @property
    def collected(self) -> int:
        return self.total - self.paid

    @property
    def repaid(self) -> int:
        return self.credit - self.paid

    @property
    def total_after(self) -> int:
        """What the customer pays for both orders in all."""
        return self.due + self.total


def drafted(order: Order, found: Return, policy: ReturnPolicy, total: int) -> Quote:
    """What it would come to if all comes that is to come."""
    there = found.received if found.closed else found.asked
    return quote(order, found, policy, left_of(there, found.settled), total)


def quote(
    order: Order, found: Return, policy: ReturnPolicy, units: Mapping[str, int], total: int
) -> Quote:
    settlement = worth.settled(order, found, units, policy, Resolution.EXCHANGE)
    settlement = limited_to_due(order, settlement)
    due = order.due.minor - settlement.amount
    credit = max(0, min(settlement.amount, left_to_repay(order) - max(0, due)))
    return Quote(settlement, total, credit, due)


def check_draft(order: Order, return_id: str) -> Return:
    """Raises ``NotFound`` and ``Conflict`` (``not_an_exchange``, ``illegal_transition``)."""
    return _may_be_exchanged(order, return_id, "draft")


def _may_be_exchanged(order: Order, return_id: str, step: str) -> Return:
    found = find(order, return_id)
    if found.resolution is not Resolution.EXCHANGE and found.kind is not ReturnKind.CLAIM:
        raise Conflict(
            f"it was asked for as {found.resolution}",
            code="not_an_exchange",
            context={"resolution": found.resolution},
        )
    may_take(found, step)
    return found


def draft(order: Order, return_id: str, wanted: str, quoted: Quote) -> Events:
    """Nothing when the same was drafted last."""
    found = check_draft(order, return_id)
    if found.exchange and found.exchange.wanted == wanted:
        return NOTHING
    return (happened.ExchangeDrafted(return_id, wanted, quoted.returned, quoted.total),)


def units_of(found: Return, policy: ReturnPolicy, asked: AskedExchange) -> dict[str, int]:
    """The units that are exchanged now. Raises ``Conflict`` (``not_received``, with what is
    ``expected``; ``not_inspected``; ``advance_not_allowed``)."""
    if found.keeps_goods:
        return found.unsettled
    if asked.advance and not policy.advance_days:
        raise Conflict(
            "nothing is exchanged before it has come",
            code="advance_not_allowed",
            context={"policy": policy.id},
        )
    if asked.advance and not asked.close:
        there = found.received if found.closed else found.asked
        return left_of(there, found.settled)
    return to_settle(found, policy)


def check_confirmed(
    order: Order, return_id: str, policy: ReturnPolicy, asked: AskedExchange
) -> dict[str, int]:
    """As ``units_of``; raises ``Conflict`` too: ``illegal_transition``, ``not_an_exchange``,
    ``nothing_to_exchange``; and ``Invalid`` (``customer_needed``)."""
    if asked.refund_to and not order.content.customer.id:
        raise Invalid("store credit is a customer's: the order names none", code="customer_needed")
    found = _may_be_exchanged(order, return_id, "exchange")
    units = units_of(found, policy, asked)
    if found.keeps_goods or asked.advance:
        if units:
            return units
        raise Conflict("all of it was settled before", code="nothing_to_exchange")
    if found.expected and not asked.close:
        raise Conflict(
            "it has not come yet",
            code="not_received",
            context={"expected": shown(order, found.expected)},
        )
    if policy.refund_when is RefundWhen.INSPECTED and found.uninspected:
        raise Conflict(
            "what has come is to be inspected first",
            code="not_inspected",
            context={"state": found.state, "uninspected": shown(order, found.uninspected)},
        )
    if not units:
        raise Conflict("nothing of it has come", code="not_received", context={"expected": {}})
    return units


def confirm(
    order: Order,
    return_id: str,
    quoted: Quote,
    new_order_id: str,
    asked: AskedExchange,
    return_by: datetime | None,
) -> Events:
    """What happens to the order that the goods came from, in the transaction that writes the new
    one."""
    found = find(order, return_id)
    paid = _paying(order, return_id, quoted, new_order_id)
    settlement = replace(quoted.settlement, refund_id=paid[0].refund_id if paid else "")
    confirmed = happened.ExchangeConfirmed(
        return_id,
        new_order_id,
        quoted.returned,
        quoted.total,
        quoted.paid,
        quoted.collected,
        quoted.repaid,
        return_by,
        # Where nothing is to come nothing is ever charged by it.
        asked.charge if return_by else None,
    )
    closes = asked.close and bool(found.expected)
    resolved = happened.ReturnResolved(return_id, settlement, closes)
    events: Events = (confirmed, resolved)
    for refund in paid:
        events = (*events, refund, *_arrived(refund))
    if quoted.repaid:
        after = evolve_all(order, events)
        purpose: Purpose = {"to": asked.refund_to, "return_id": return_id}
        events = (*events, refund_of(after, quoted.repaid, REASON, **purpose))
    return events


def _paying(
    order: Order, return_id: str, quoted: Quote, new_order_id: str
) -> tuple[orders_events.RefundRequested, ...]:
    """All of what comes back is due no more; what of it pays the new order goes there, of the
    customer's own credit first, so that money goes back as money."""
    settlement = quoted.settlement
    if not settlement.amount:
        return ()
    purpose: Purpose = {
        "granted": settlement.amount,
        "lines": tuple(
            RefundedLine(line_id, units, part)
            for line_id, units, part in worth.line_amounts(settlement, order.content.currency)
        ),
        "shipping": settlement.shipping,
        "return_id": return_id,
    }
    if not quoted.paid:
        number = len(order.progress.refunds) + 1
        name = refund_id(order.order_id, number)
        return (orders_events.RefundRequested(name, 0, REASON, (), **purpose),)
    own = [one.id for one in order.payments.each if one.method in OWN_CREDIT]
    purpose["to"] = f"{EXCHANGE}{new_order_id}"
    return (refund_of(order, quoted.paid, REASON, tuple(own), **purpose),)


def _arrived(refund: orders_events.RefundRequested) -> Events:
    """It is there with the commit that asks for it."""
    return tuple(
        orders_events.PaymentRefunded(
            refund.refund_id,
            part.payment_id,
            part.amount,
            refund.to,
            f"{refund.refund_id}:{part.payment_id}:exchange",
        )
        for part in refund.parts
    )
