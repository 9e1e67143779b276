"""Who may ask for what to come back: decisions, as in ``oms.returns.decisions``."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from oms.catalog.model import Item
from oms.kernel.errors import Conflict, Faults
from oms.kernel.ids import return_id as id_of
from oms.orders.asked_once import asked_before
from oms.orders.decisions import NOTHING, Events
from oms.orders.model import Order
from oms.returns import events as happened
from oms.returns import worth
from oms.returns.bounds import check_room
from oms.returns.decisions import FOR_NOBODY, is_for_nobody, returnable, shown
from oms.returns.model import Origin, Resolution, Return, ReturnKind, ReturnLine
from oms.returns.policy import ReturnPolicy
from oms.returns.windows import days_for, units_in_time

# Why a person looks at it, whatever it is worth.
A_CLAIM = "a claim"

# Who may accept what comes too late.
_STAFF = frozenset({Origin.STORE, Origin.AGENT})


@dataclass(frozen=True, slots=True)
class AskedReturn:
    """``override``: why staff accept what comes after its window. ``account``: the store credit's,
    if it is to go to one."""

    lines: tuple[ReturnLine, ...]
    origin: Origin = Origin.CUSTOMER
    resolution: Resolution = Resolution.REFUND
    account: str = ""
    override: str = ""
    key: str = ""
    kind: ReturnKind = ReturnKind.RETURN
    keeps_goods: bool = False


@dataclass(frozen=True, slots=True)
class Grounds:
    """What a request is judged by beside its order: when each fulfilment was delivered, and the
    items of its lines."""

    delivered: Mapping[str, datetime]
    items: Mapping[str, Item]


def request(
    order: Order, asked: AskedReturn, policy: ReturnPolicy, grounds: Grounds, at: datetime
) -> Events:
    """Raises ``Invalid`` with every fault (``unknown_line``, ``line_twice``, ``unknown_reason``,
    ``proof_needed``, ``not_for_customers``, ``customer_needed``) and ``Conflict``
    (``not_delivered``, ``above_delivered``, ``not_returnable``, ``outside_window``;
    ``content_differs`` when the key was used for another request), ``TooLarge``
    (``too_many_returns``, ``too_large``)."""
    if requested_before(order, asked.key):
        return NOTHING
    _check_words(order, asked, policy)
    _refuse_above(order, asked)
    if asked.kind is ReturnKind.RETURN:
        _refuse_kinds(order, asked, policy, grounds)
    if not asked.override:
        _refuse_late(order, asked, policy, grounds, at)
    check_room(order, asked.lines)
    number = len(order.progress.returns) + 1
    value = worth.value_of(order, {line.line_id: line.quantity for line in asked.lines})
    needs = A_CLAIM if asked.kind is ReturnKind.CLAIM else policy.needs_approval(value)
    requested = Return(
        id_of(order.order_id, number),
        asked.lines,
        at,
        origin=asked.origin,
        resolution=asked.resolution,
        account=asked.account,
        policy=policy.id,
        policy_version=policy.version,
        key=asked.key,
        needs_approval=needs,
        overridden=asked.override,
        kind=asked.kind,
        keeps_goods=asked.keeps_goods,
    )
    event = happened.ReturnRequested(requested.id, requested, value.minor)
    if needs:
        return (event,)
    return (event, happened.ReturnApproved(requested.id, by_policy=True))


def requested_before(order: Order, key: str) -> Return | None:
    """The return that was asked for under a key, which is a name and a digest of the content.
    Raises ``Conflict`` (``content_differs``) when another was."""
    names = {one.key: one.id for one in order.progress.returns}
    found = asked_before(key, names, "return")
    return next((one for one in order.progress.returns if one.id == found), None)


def _check_words(order: Order, asked: AskedReturn, policy: ReturnPolicy) -> None:
    faults, seen = Faults(), set[str]()
    known = {line.line_id for line in order.content.lines}
    for index, line in enumerate(asked.lines):
        at = f"lines.{index}"
        if line.line_id not in known:
            faults.add(f"{at}.line_id", "unknown_line", f"the order has no {line.line_id!r}")
        if line.line_id in seen:
            faults.add(f"{at}.line_id", "line_twice", f"{line.line_id} is named already")
        seen.add(line.line_id)
        if not policy.knows(line.reason):
            words = ", ".join(one.reason for one in policy.reasons)
            faults.add(f"{at}.reason", "unknown_reason", f"one of {words}")
        if policy.terms(line.reason).needs_proof and not line.proof:
            faults.add(f"{at}.proof", "proof_needed", f"{line.reason} is to be proved")
    if asked.override and asked.origin not in _STAFF:
        faults.add("override", "not_for_customers", "only a store or an agent accepts it late")
    if asked.resolution is Resolution.STORE_CREDIT and is_for_nobody(order, asked.account):
        faults.add("account", "customer_needed", FOR_NOBODY)
    faults.refuse("the return breaks a rule")


def _refuse_above(order: Order, asked: AskedReturn) -> None:
    left = returnable(order)
    if all(line.quantity <= left[line.line_id] for line in asked.lines):
        return
    lines = {line.line_id for line in asked.lines}
    arrived = any(
        counts.delivered + counts.returned
        for line, counts in zip(order.content.lines, order.progress.counts, strict=True)
        if line.line_id in lines
    )
    told = {"left": shown(order, {name: left[name] for name in sorted(lines)})}
    if not arrived:
        raise Conflict("nothing of it was delivered", code="not_delivered", context=told)
    raise Conflict(
        "more is to come back than was delivered and is not on its way back already",
        code="above_delivered",
        context=told,
    )


def _refuse_kinds(order: Order, asked: AskedReturn, policy: ReturnPolicy, grounds: Grounds) -> None:
    kept = sorted(
        {
            sku
            for line in asked.lines
            if (sku := order.content.line(line.line_id).sku) in policy.non_returnable_skus
            or {*_tags(sku, grounds)} & {*policy.non_returnable_tags}
        }
    )
    if kept:
        raise Conflict(
            f"{', '.join(kept)} cannot be returned",
            code="not_returnable",
            context={"skus": kept, "policy": policy.id},
        )


def _tags(sku: str, grounds: Grounds) -> Sequence[str]:
    item = grounds.items.get(sku)
    return item.tags if item else ()


def _refuse_late(
    order: Order, asked: AskedReturn, policy: ReturnPolicy, grounds: Grounds, at: datetime
) -> None:
    items = grounds.items
    for line in asked.lines:
        days = days_for(order, line.line_id, line.reason, asked.kind, policy, items)
        left = units_in_time(order, line.line_id, days, at, policy, items, grounds.delivered)
        if line.quantity > left:
            raise Conflict(
                f"line {line.line_id} could be returned for {days} days",
                code="outside_window",
                context={
                    "line_id": line.line_id,
                    "window_days": days,
                    "left": shown(order, {line.line_id: left}),
                },
            )
