"""Which entries a movement makes. Pure: what is there, and what was sent, is passed in."""

from dataclasses import dataclass

from oms.inventory.model import QUANTITIES, Balance, Entry, Movement, MovementKind
from oms.kernel.errors import Conflict
from oms.kernel.events import Cause


@dataclass(frozen=True, slots=True)
class Shortfall:
    """A balance that is not what its ledger says."""

    sku: str
    node: str
    quantity: str
    balance: int
    ledger: int


def entries_of(movement: Movement, cause: Cause) -> tuple[Entry, ...]:
    """The entries of every kind but a count and an arrival, which need to know what was before."""
    units = movement.quantity
    match movement.kind:
        case MovementKind.RECEIPT | MovementKind.ADJUSTMENT:
            return (entry(movement, cause, on_hand=units),)
        case MovementKind.DAMAGE:
            return (entry(movement, cause, on_hand=-units, damaged=units),)
        case MovementKind.WRITE_OFF:
            return (entry(movement, cause, damaged=-units),)
        case MovementKind.QUARANTINE:
            return (entry(movement, cause, on_hand=-units, quality_hold=units),)
        case MovementKind.RELEASE:
            return (entry(movement, cause, quality_hold=-units, on_hand=units),)
        case MovementKind.TRANSFER:
            leaves = entry(movement, cause, on_hand=-units)
            travels = entry(movement, cause, node=movement.to_node, incoming=units)
            return (leaves, travels)
        case _:
            raise ValueError(f"{movement.kind} depends on what was before")


def count_entry(movement: Movement, on_hand: int, cause: Cause) -> Entry:
    """The difference between what was found and what the balance said. May be zero."""
    return entry(movement, cause, on_hand=movement.quantity - on_hand)


def arrival_entry(movement: Movement, sent: Movement, cause: Cause) -> Entry:
    """What was sent is no longer on its way; what arrived is on hand. Raises ``Conflict`` when
    more arrived than was sent."""
    if movement.quantity > sent.quantity:
        raise Conflict(
            f"{sent.quantity} were sent, {movement.quantity} cannot have arrived",
            code="over_arrival",
            context={"sent": sent.quantity},
        )
    return entry(movement, cause, incoming=-sent.quantity, on_hand=movement.quantity)


def entry(
    movement: Movement,
    cause: Cause,
    *,
    node: str = "",
    on_hand: int = 0,
    incoming: int = 0,
    damaged: int = 0,
    quality_hold: int = 0,
) -> Entry:
    return Entry(
        id=movement.id,
        kind=movement.kind,
        sku=movement.sku,
        node=node or movement.node,
        at=cause.at,
        by=cause.by,
        on_hand=on_hand,
        incoming=incoming,
        damaged=damaged,
        quality_hold=quality_hold,
        reason=movement.reason,
    )


def shortfalls(
    balances: tuple[Balance, ...], sums: dict[tuple[str, str, str], int]
) -> list[Shortfall]:
    """Where a balance differs from ``sums``, the ledger's totals by SKU, node and quantity, or
    where what is available does not follow from the rest."""
    found: list[Shortfall] = []
    left = dict(sums)
    for balance in balances:
        for name in QUANTITIES:
            told = left.pop((balance.sku, balance.node, name), 0)
            if getattr(balance, name) != told:
                found.append(
                    Shortfall(balance.sku, balance.node, name, getattr(balance, name), told)
                )
        due = balance.on_hand - balance.reserved - balance.safety_stock
        if balance.available != due:
            found.append(Shortfall(balance.sku, balance.node, "available", balance.available, due))
    found += [
        Shortfall(sku, node, name, 0, told) for (sku, node, name), told in left.items() if told
    ]
    return sorted(found, key=lambda one: (one.sku, one.node, one.quantity))
