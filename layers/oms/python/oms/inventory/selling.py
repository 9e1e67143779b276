"""Whether so much of a SKU may be sold, and how much could be had. Pure.

What may be sold is what is free for the channel, and beyond that what its policy lets it owe:

- *free*: available at the nodes that sell it, less what is held back from the channel or granted to
  others, less what orders wait for already; what nobody tracks never runs out.
- *room*: how far the policy allows it to be sold before it is there (``oms.inventory.backorders``).

A SKU that no node carries is not sold, whatever may be owed; only a pre-order needs no node yet.
"""

from collections.abc import Set
from dataclasses import dataclass, replace
from datetime import datetime

from oms.catalog.model import Item
from oms.inventory.backorders import Refusal as NotOwed
from oms.inventory.backorders import oversell_of, room_for
from oms.inventory.position import Position
from oms.inventory.shares import available_to, owed_ahead
from oms.kernel.quantity import quantity_number


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a quantity is not sold. ``obtainable``: what could be had instead, in units of the
    item's scale; None when that is not what stands in the way."""

    code: str
    detail: str
    obtainable: int | None = None


@dataclass(frozen=True, slots=True)
class Asking:
    """For which channel, when, and at which of the nodes; without nodes at every one.

    ``own`` units are held for whoever asks, and are free for it."""

    channel: str
    now: datetime
    nodes: Set[str] | None = None
    own: int = 0


def check_amount(item: Item, quantity: int) -> Refusal | None:
    """How few, how many and in which steps an item sells, whatever there is of it."""
    if quantity < item.minimum:
        return Refusal(
            code="below_minimum", detail=f"no less than {_shown(item.minimum, item)} is sold"
        )
    if item.maximum is not None and quantity > item.maximum:
        return Refusal(
            code="above_maximum", detail=f"no more than {_shown(item.maximum, item)} is sold"
        )
    if item.increment and quantity % item.increment:
        return Refusal(
            code="not_an_increment", detail=f"it is sold in steps of {_shown(item.increment, item)}"
        )
    return None


def check_sale(item: Item, quantity: int, position: Position, asking: Asking) -> Refusal | None:
    """Why ``quantity`` of the item may not be sold; None when it may."""
    if not item.active:
        return Refusal(code="unknown_sku", detail=f"{item.sku} is not sold", obtainable=0)
    if refused := check_amount(item, quantity):
        return refused
    most = sellable(position, asking)
    if most is None or quantity <= most:
        return None
    code = _why_not(quantity, position, asking)
    detail = f"{_shown(most, item)} of {item.sku} can be sold"
    return Refusal(code=code, detail=detail, obtainable=most)


def sellable(position: Position, asking: Asking) -> int | None:
    """Units that may be sold now, there or owed; None when there is no limit."""
    if not position.policy.tracked:
        return None if is_carried(position, asking) else 0
    there = free(position, asking)
    if not _may_be_owed(position, asking):
        return there
    room = room_beyond(position, asking, 0)
    if isinstance(room, NotOwed):
        return there
    return None if room is None else there + room


def free(position: Position, asking: Asking) -> int:
    """Units that are there for the channel, never below zero."""
    balances = tuple(each for each in position.balances if _sells(each.node, position, asking))
    there = available_to(asking.channel, replace(position, balances=balances))
    return max(0, there + asking.own - owed_ahead(asking.channel, position))


def room_beyond(position: Position, asking: Asking, quantity: int) -> int | NotOwed | None:
    """How many units more than ``quantity`` may be owed; None without a limit."""
    owed_to = position.owed_to.get(asking.channel, 0)
    room = room_for(
        position.sku, quantity, asking.channel, position.policy, position.owed, owed_to, asking.now
    )
    if isinstance(room, NotOwed):
        return room
    limits = [
        most - owed
        for most, owed in ((room.in_all, position.owed), (room.to_channel, owed_to))
        if most is not None
    ]
    return min(limits) if limits else None


def is_carried(position: Position, asking: Asking) -> bool:
    """Whether a node that may be asked keeps the SKU. Where somebody has declared it out of stock
    it is not kept, unless nobody tracks it."""
    return any(_sells(each.node, position, asking) for each in position.balances)


def turned(before: int, after: int) -> str:
    """What a channel is told when what it can sell changed: ``sold_out``, ``back_in_stock``, or
    nothing."""
    if before > 0 >= after:
        return "sold_out"
    return "back_in_stock" if after > 0 >= before else ""


def _sells(node: str, position: Position, asking: Asking) -> bool:
    if asking.nodes is not None and node not in asking.nodes:
        return False
    return not position.policy.tracked or node not in position.policy.not_sold_at


def _may_be_owed(position: Position, asking: Asking) -> bool:
    """A backorder is of what some node keeps; a pre-order of what none has had yet."""
    policy = position.policy
    pre_order = policy.preorder is not None and oversell_of(policy, asking.now) is policy.preorder
    return pre_order or is_carried(position, asking)


def _why_not(quantity: int, position: Position, asking: Asking) -> str:
    beyond = room_beyond(position, asking, quantity - free(position, asking))
    if not isinstance(beyond, NotOwed) or not _may_be_owed(position, asking):
        return "insufficient_stock"
    return "insufficient_stock" if beyond.code == "backorder_not_allowed" else beyond.code


def _shown(units: int, item: Item) -> str:
    return str(quantity_number(units, item.scale))
