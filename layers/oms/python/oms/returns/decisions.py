"""What may happen to a return: decisions, as in ``oms.orders.decisions``.

A step that is taken again decides nothing; one that the table does not have is refused with
``Conflict`` (``illegal_transition``), with the state and what is allowed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from oms.kernel.errors import Conflict, Faults, Invalid, NotFound
from oms.kernel.ids import refund_id
from oms.kernel.money import Money
from oms.kernel.quantity import quantity_number
from oms.orders.decisions import NOTHING, Events
from oms.orders.events import RefundRequested
from oms.orders.evolve import evolve_all
from oms.orders.model import STORE_CREDIT, Order, RefundedLine, State
from oms.orders.repaying import Purpose, left_to_repay, refund_of
from oms.returns import events as happened
from oms.returns import worth
from oms.returns.advance import credited
from oms.returns.bounds import check_receipts
from oms.returns.model import (
    Disposition,
    Inspected,
    Inspection,
    Receipt,
    Resolution,
    Return,
    ReturnLabel,
    ReturnUnits,
    Settlement,
)
from oms.returns.policy import RefundWhen, ReturnPolicy
from oms.returns.transitions import may_take

REASON = "return"
# What follows by itself once the policy says so; an exchange is made by somebody.
_BY_ITSELF = frozenset({Resolution.REFUND, Resolution.STORE_CREDIT})


FOR_NOBODY = "store credit is a customer's: name an account, for the order names no customer"


@dataclass(frozen=True, slots=True)
class AskedReceipt:
    """``units`` by line id; None: all that is still to come. With ``refuse_surplus`` what is over
    is written down as refused."""

    id: str
    node: str
    units: Mapping[str, int] | None = None
    refuse_surplus: bool = False


@dataclass(frozen=True, slots=True)
class Findings:
    """Of a line: how many units were looked at (None: all that wait at the node), and what becomes
    of how many of them."""

    line_id: str
    dispositions: Mapping[Disposition, int]
    quantity: int | None = None


@dataclass(frozen=True, slots=True)
class AskedResolution:
    """``amount`` in minor units, when it is to be less than the worth. With ``close`` nothing more
    is expected."""

    resolution: Resolution
    amount: int | None = None
    account: str = ""
    note: str = ""
    close: bool = False


def find(order: Order, return_id: str) -> Return:
    """Raises ``NotFound``."""
    found = next((one for one in order.progress.returns if one.id == return_id), None)
    if found is None:
        raise NotFound(f"there is no return {return_id}")
    return found


def returnable(order: Order) -> dict[str, int]:
    """Units by line that were delivered, and are in no return and no claim."""
    asked: dict[str, int] = {}
    for one in order.progress.returns:
        kept = one.asked if one.keeps_goods and one.is_live else {}
        for line_id, units in {**one.expected, **kept}.items():
            asked[line_id] = asked.get(line_id, 0) + units
    return {
        line.line_id: max(0, counts.delivered - asked.get(line.line_id, 0))
        for line, counts in zip(order.content.lines, order.progress.counts, strict=True)
    }


# --- a person's answer ------------------------------------------------------------------------


def approve(order: Order, return_id: str) -> Events:
    if not may_take(find(order, return_id), "approve"):
        return NOTHING
    return (happened.ReturnApproved(return_id),)


def reject(order: Order, return_id: str, reason: str) -> Events:
    if not may_take(find(order, return_id), "reject"):
        return NOTHING
    return (happened.ReturnRejected(return_id, reason),)


def cancel(order: Order, return_id: str, reason: str) -> Events:
    """Until something has come back."""
    if not may_take(find(order, return_id), "cancel"):
        return NOTHING
    return (happened.ReturnCancelled(return_id, reason),)


# --- the label --------------------------------------------------------------------------------


def choose_label(order: Order, return_id: str, label: ReturnLabel) -> Events:
    """Nothing when one was chosen before; raises ``Conflict`` (``labelled``) when that leads to
    another node, or is another service's."""
    found = find(order, return_id)
    check_label(found, label.node, label.service)
    return NOTHING if found.label else (happened.ReturnLabelRequested(return_id, label),)


def check_label(found: Return, node: str, service: str) -> None:
    """Whether it may be bought, to that node and by that service, if they are said."""
    may_take(found, "label")
    label = found.label
    if label and (node or label.node, service or label.service) != (label.node, label.service):
        raise Conflict(f"its label is of {label.service} to {label.node}", code="labelled")


def label_bought(
    order: Order, return_id: str, tracking_number: str, reference: str, cost: int
) -> Events:
    label = find(order, return_id).label
    if label is None or label.tracking_number:
        return NOTHING
    return (happened.ReturnLabelled(return_id, tracking_number, reference, cost),)


def track(order: Order, return_id: str, tracking_number: str, status: str, at: datetime) -> Events:
    """Only what is news: reports come late, and again. Raises ``Conflict``
    (``other_tracking_number``)."""
    label = find(order, return_id).label
    if label is None or label.tracking_number != tracking_number:
        raise Conflict(
            "the return travels with another tracking number", code="other_tracking_number"
        )
    if label.status == status or (label.reported_at and label.reported_at > at):
        return NOTHING
    return (happened.ReturnTracked(return_id, tracking_number, status, at),)


# --- what comes back --------------------------------------------------------------------------


def receive(
    order: Order, return_id: str, asked: AskedReceipt, policy: ReturnPolicy, at: datetime
) -> Events:
    """Raises ``Conflict`` (``above_approved``, with what is left by line; ``content_differs`` when
    the receipt's id was used for another), ``TooLarge`` (``too_many_receipts``)."""
    found = find(order, return_id)
    if _was_received(found, asked):
        return NOTHING
    may_take(found, "receive")
    check_receipts(found)
    left = found.expected
    brought = left if asked.units is None else asked.units
    taken = {line_id: min(units, left.get(line_id, 0)) for line_id, units in brought.items()}
    over = {line_id: units - taken[line_id] for line_id, units in brought.items()}
    if any(over.values()) and not asked.refuse_surplus:
        raise Conflict(
            "more has come than is to come back",
            code="above_approved",
            context={"left": shown(order, {name: left.get(name, 0) for name in brought})},
        )
    receipt = Receipt(asked.id, asked.node, at, _units(taken), _units(over))
    received = happened.ReturnReceived(return_id, receipt)
    return _and_money(order, (received,), return_id, policy, RefundWhen.RECEIVED)


def _was_received(found: Return, asked: AskedReceipt) -> bool:
    before = next((one for one in found.receipts if one.id == asked.id), None)
    if before is None:
        return False
    brought: dict[str, int] = {}
    for one in (*before.units, *before.refused):
        brought[one.line_id] = brought.get(one.line_id, 0) + one.quantity
    if before.node != asked.node or (asked.units is not None and brought != asked.units):
        raise Conflict(f"{asked.id} was received with another content", code="content_differs")
    return True


def inspect(
    order: Order,
    return_id: str,
    inspection_id: str,
    node: str,
    findings: Sequence[Findings],
    policy: ReturnPolicy,
    at: datetime,
    note: str = "",
) -> Events:
    """Raises ``Invalid`` with every fault (``unknown_line``, ``line_twice``,
    ``quantities_do_not_add_up``, ``disposition_not_allowed``), ``Conflict`` (``content_differs``
    when the inspection's id was used for another), ``TooLarge`` (``too_many_receipts``)."""
    found = find(order, return_id)
    units = tuple(
        Inspected(one.line_id, disposition, quantity)
        for one in findings
        for disposition, quantity in one.dispositions.items()
        if quantity
    )
    if _was_inspected(found, inspection_id, node, units):
        return NOTHING
    may_take(found, "inspect")
    check_receipts(found)
    _check_findings(order, found, node, findings, policy)
    restocked = {
        order.content.line(one.line_id).sku for one in units if one.disposition in policy.restocks
    }
    inspected = happened.ReturnInspected(
        return_id, Inspection(inspection_id, node, at, units, note), tuple(sorted(restocked))
    )
    return _and_money(order, (inspected,), return_id, policy, RefundWhen.INSPECTED)


def _was_inspected(
    found: Return, inspection_id: str, node: str, units: tuple[Inspected, ...]
) -> bool:
    before = next((one for one in found.inspections if one.id == inspection_id), None)
    if before is None:
        return False
    if (before.node, {*before.units}) != (node, {*units}):
        raise Conflict(
            f"{inspection_id} was an inspection of another content", code="content_differs"
        )
    return True


def _check_findings(
    order: Order, found: Return, node: str, findings: Sequence[Findings], policy: ReturnPolicy
) -> None:
    faults, seen = Faults(), set[str]()
    waiting = found.uninspected_at(node)
    for index, one in enumerate(findings):
        at = f"lines.{index}"
        there = waiting.get(one.line_id, 0)
        if found.line(one.line_id) is None:
            faults.add(f"{at}.line_id", "unknown_line", f"the return has no {one.line_id!r}")
            continue
        if one.line_id in seen:
            faults.add(f"{at}.line_id", "line_twice", f"{one.line_id} is named already")
        seen.add(one.line_id)
        scale = order.content.line(one.line_id).scale
        looked_at = there if one.quantity is None else one.quantity
        told = sum(one.dispositions.values())
        if looked_at > there:
            text = f"{quantity_number(there, scale)} wait at {node} to be looked at"
            faults.add(f"{at}.quantity", "quantities_do_not_add_up", text)
        elif told != looked_at or not told:
            text = f"{quantity_number(told, scale)} is said of {quantity_number(looked_at, scale)}"
            faults.add(f"{at}.dispositions", "quantities_do_not_add_up", text)
        if one.dispositions.get(Disposition.RESTOCK) and (
            Disposition.RESTOCK not in policy.restocks
        ):
            faults.add(
                f"{at}.dispositions",
                "disposition_not_allowed",
                f"by {policy.id} nothing is restocked",
            )
    faults.refuse("the inspection does not add up")


# --- the money --------------------------------------------------------------------------------


def resolve(order: Order, return_id: str, asked: AskedResolution, policy: ReturnPolicy) -> Events:
    """For what has come, or, where the policy says so, was looked at. Raises ``Conflict``
    (``not_inspected``; ``not_received``, for what was exchanged in advance stays ``expected``;
    ``above_worth`` with ``refundable``), ``Invalid`` (``customer_needed``)."""
    found = find(order, return_id)
    if not may_take(found, "resolve"):
        return NOTHING
    units = to_settle(found, policy)
    closes = asked.close and bool(found.expected)
    if closes and found.exchange and found.exchange.return_by:
        raise Conflict(
            "what was exchanged before it came comes, or is charged",
            code="not_received",
            context={"expected": shown(order, found.expected)},
        )
    if not units and not closes:
        if not found.unsettled:
            return NOTHING
        raise Conflict(
            "what has come is to be inspected first",
            code="not_inspected",
            context={"state": found.state, "uninspected": shown(order, found.uninspected)},
        )
    if asked.resolution is Resolution.STORE_CREDIT and is_for_nobody(
        order, asked.account or found.account
    ):
        raise Invalid(FOR_NOBODY, code="customer_needed")
    settlement = limited_to_due(order, worth.settled(order, found, units, policy, asked.resolution))
    if asked.amount is not None:
        settlement = _for_less(order, settlement, asked.amount)
    settlement = replace(settlement, account=asked.account or found.account, note=asked.note)
    return _settling(order, return_id, settlement, closes=closes)


def _for_less(order: Order, settlement: Settlement, amount: int) -> Settlement:
    if amount > settlement.amount:
        most = Money(settlement.amount, order.content.currency)
        raise Conflict(
            f"what came back is worth {most} {most.currency}",
            code="above_worth",
            context={"refundable": str(most), "currency": most.currency},
        )
    return worth.limited(settlement, amount)


def to_settle(found: Return, policy: ReturnPolicy) -> dict[str, int]:
    """What can be settled: what has come, or was looked at where the policy says so."""
    if found.keeps_goods:
        return found.unsettled
    looked_at = policy.refund_when is RefundWhen.INSPECTED
    there = found.inspected if looked_at else found.received
    settled = found.settled
    left = {line_id: units - settled.get(line_id, 0) for line_id, units in there.items()}
    return {line_id: units for line_id, units in left.items() if units > 0}


def _and_money(
    order: Order, events: Events, return_id: str, policy: ReturnPolicy, now: RefundWhen
) -> Events:
    """What came is paid for in the same commit, when the policy says so and the customer wants
    money or credit."""
    after = evolve_all(order, events)
    found = find(after, return_id)
    events = (*events, *credited(after, return_id, policy))
    units = to_settle(found, policy)
    # What comes after the exchange was made is simply paid for.
    resolution = Resolution.REFUND if found.exchanged_for else found.resolution
    if policy.refund_when is not now or resolution not in _BY_ITSELF or not units:
        return events
    after = evolve_all(order, events)
    settlement = worth.settled(after, found, units, policy, resolution)
    settlement = replace(settlement, account=found.account)
    return (*events, *_settling(after, return_id, settlement))


def _settling(
    order: Order, return_id: str, settlement: Settlement, *, closes: bool = False
) -> Events:
    settlement = limited_to_due(order, settlement)
    if settlement.resolution not in _BY_ITSELF or not settlement.amount:
        return (happened.ReturnResolved(return_id, settlement, closes),)
    refund = refund_for(order, return_id, settlement)
    named = replace(settlement, refund_id=refund.refund_id)
    return (happened.ReturnResolved(return_id, named, closes), refund)


def limited_to_due(order: Order, settlement: Settlement) -> Settlement:
    """Never more than the order still comes to, after all that was given back of it for nothing."""
    due = max(0, order.due.minor)
    if order.state is State.CANCELLED or settlement.amount <= due:
        return settlement
    return worth.limited(settlement, due)


def refund_for(order: Order, return_id: str, settlement: Settlement) -> RefundRequested:
    """All of the settlement is due no more; what of it was paid by now goes back, and is asked for
    in the same commit. What was not is simply never taken."""
    granted = settlement.amount
    beyond = left_to_repay(order) - max(0, order.due.minor - granted)
    amount = max(0, min(granted, beyond))
    credit = settlement.resolution is Resolution.STORE_CREDIT
    purpose: Purpose = {
        "granted": granted,
        "lines": tuple(
            RefundedLine(line_id, units, part)
            for line_id, units, part in worth.line_amounts(settlement, order.content.currency)
        ),
        "shipping": settlement.shipping,
        "to": (settlement.account or STORE_CREDIT) if credit else "",
        "return_id": return_id,
    }
    if amount:
        return refund_of(order, amount, REASON, **purpose)
    number = len(order.progress.refunds) + 1
    return RefundRequested(refund_id(order.order_id, number), 0, REASON, (), **purpose)


def is_for_nobody(order: Order, account: str) -> bool:
    return not account and not order.content.customer.id


# --- small words ------------------------------------------------------------------------------


def _units(units: Mapping[str, int]) -> tuple[ReturnUnits, ...]:
    return tuple(ReturnUnits(line_id, quantity) for line_id, quantity in units.items() if quantity)


def shown(order: Order, units: Mapping[str, int]) -> dict[str, object]:
    """As numbers outside."""
    return {
        line_id: quantity_number(quantity, order.content.line(line_id).scale)
        for line_id, quantity in units.items()
    }
