"""What units that come back are worth, and what of it the customer gets. Pure.

Worth is what a line's next units that nothing was refunded for come to
(``oms.orders.refundable``), so that any parts of a line sum to it. Off it go the policy's
restocking fee for the reason, and the label where the customer pays it; shipping comes on top where
the policy says so.
"""

from collections.abc import Mapping

from oms.kernel.money import Money
from oms.orders import refundable
from oms.orders.model import Order
from oms.pricing.shares import allocate
from oms.returns.model import Payer, Resolution, Return, ReturnKind, Settlement, Valued
from oms.returns.policy import RefundShipping, ReturnPolicy


def worths_of(order: Order, units: Mapping[str, int]) -> dict[str, int]:
    """Minor units by line; nothing for units that were refunded before they came back."""
    left = {
        line_id: min(quantity, refundable.units_left(order, line_id))
        for line_id, quantity in units.items()
    }
    return {name: share.amount for name, share in refundable.shares_of(order, left).items()}


def value_of(order: Order, units: Mapping[str, int]) -> Money:
    """What all of them come to."""
    return Money(sum(worths_of(order, units).values()), order.content.currency)


def settled(
    order: Order,
    found: Return,
    units: Mapping[str, int],
    policy: ReturnPolicy,
    resolution: Resolution,
) -> Settlement:
    """What the customer gets for ``units`` (by line id) of the return that have come."""
    worths = worths_of(order, units)
    lines = tuple(
        _valued(found, line_id, quantity, worths[line_id], policy)
        for line_id, quantity in units.items()
    )
    if resolution is Resolution.NONE:
        return Settlement(resolution, lines, 0)
    replaced = found.kind is ReturnKind.CLAIM and resolution is Resolution.EXCHANGE
    shipping = 0 if replaced else _shipping(order, found, units, policy)
    goods = sum(line.amount for line in lines)
    label = min(_label_due(found), goods)
    return Settlement(resolution, lines, goods + shipping - label, shipping, label)


def limited(settlement: Settlement, amount: int) -> Settlement:
    """The same for less, as a person decided: of the shipping last."""
    goods = max(0, settlement.amount - settlement.shipping)
    shipping = max(0, amount - goods)
    return Settlement(settlement.resolution, settlement.lines, amount, shipping, settlement.label)


def line_amounts(settlement: Settlement, currency: str) -> tuple[tuple[str, int, int], ...]:
    """By line its id, units and what of the settlement is for it: they sum to all but the
    shipping."""
    if not settlement.lines:
        return ()
    goods = Money(settlement.amount - settlement.shipping, currency)
    parts = allocate(goods, [line.amount for line in settlement.lines])
    return tuple(
        (line.line_id, line.quantity, part.minor)
        for line, part in zip(settlement.lines, parts, strict=True)
    )


def _valued(found: Return, line_id: str, quantity: int, worth: int, policy: ReturnPolicy) -> Valued:
    """The fee is that of all that was settled of the line, less what was kept before."""
    asked = found.line(line_id)
    before = [
        line
        for settlement in found.settlements
        for line in settlement.lines
        if line.line_id == line_id
    ]
    if found.kind is ReturnKind.CLAIM:
        return Valued(line_id, quantity, worth)
    reason = asked.reason if asked else ""
    fee = policy.fee(reason, worth + sum(line.worth for line in before))
    fee -= sum(line.fee for line in before)
    return Valued(line_id, quantity, worth, min(worth, max(0, fee)))


def _shipping(order: Order, found: Return, units: Mapping[str, int], policy: ReturnPolicy) -> int:
    """All of it that was not given back yet, or nothing."""
    terms = {
        policy.terms(line.reason).refund_shipping for line in found.lines if line.line_id in units
    }
    left = refundable.shipping_left(order).minor
    if RefundShipping.ALWAYS in terms:
        return left
    whole = RefundShipping.WHOLE_ORDER in terms and _is_all_back(order, found, units)
    return left if whole else 0


def _is_all_back(order: Order, found: Return, units: Mapping[str, int]) -> bool:
    """Whether with ``units`` everything that was ordered and not cancelled is back and settled."""
    settled_units = dict(units)
    for one in order.progress.returns:
        for line_id, quantity in one.settled.items():
            settled_units[line_id] = settled_units.get(line_id, 0) + quantity
    return all(
        counts.cancelled + settled_units.get(line.line_id, 0) >= line.quantity
        for line, counts in zip(order.content.lines, order.progress.counts, strict=True)
    )


def _label_due(found: Return) -> int:
    """What of the label's cost the customer has not paid yet."""
    label = found.label
    if found.kind is ReturnKind.CLAIM or label is None or label.paid_by is not Payer.CUSTOMER:
        return 0
    return label.cost - sum(settlement.label for settlement in found.settlements)
