"""Which entries a movement makes. Pure: what is there, and what was sent, is passed in."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from oms.inventory.model import QUANTITIES, Balance, Entry, Movement, MovementKind
from oms.inventory.reservation import Reservation, ReservationState
from oms.kernel.errors import Conflict
from oms.kernel.events import Cause


@dataclass(frozen=True, slots=True)
class Shortfall:
    """A balance, or what is reserved for somebody, that is not what its ledger says."""

    sku: str
    node: str
    quantity: str
    balance: int
    ledger: int
    counter: int = 0


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
    balances: Iterable[Balance], entries: Sequence[Entry], reservations: Iterable[Reservation]
) -> list[Shortfall]:
    """Where a balance, or one counter of it, differs from the sum of its entries, where what is
    available does not follow from the rest, and where a holder's entries are not what it holds."""
    found = [*_unbooked(balances, entries), *_unheld(entries, reservations)]
    return sorted(found, key=lambda one: (one.sku, one.node, one.counter, one.quantity))


def _unbooked(balances: Iterable[Balance], entries: Iterable[Entry]) -> Iterator[Shortfall]:
    sums: dict[tuple[str, str, int, str], int] = {}
    for entry in entries:
        for name in QUANTITIES:
            key = (entry.sku, entry.node, entry.counter, name)
            sums[key] = sums.get(key, 0) + getattr(entry, name)
    for balance in balances:
        sku, node, counter = balance.sku, balance.node, balance.counter
        for name in QUANTITIES:
            held, told = getattr(balance, name), sums.pop((sku, node, counter, name), 0)
            if held != told:
                yield Shortfall(sku, node, name, held, told, counter)
        due = balance.on_hand - balance.reserved - balance.safety_stock
        if balance.available != due:
            yield Shortfall(sku, node, "available", balance.available, due, counter)
    for (sku, node, counter, name), told in sums.items():
        if told:
            yield Shortfall(sku, node, name, 0, told, counter)


def _unheld(entries: Iterable[Entry], reservations: Iterable[Reservation]) -> Iterator[Shortfall]:
    """A soft reservation has in the ledger what it holds, or held when it became an order's; no
    order gives back or ships more than it reserved or was given so."""
    soft: dict[tuple[str, str, str], int] = {}
    hard: dict[tuple[str, str, str], int] = {}
    for entry in entries:
        if entry.kind in ("hold", "unhold"):
            holder = entry.id.removesuffix(f":{entry.kind}")
            _add(soft, (holder, entry.sku, entry.node), entry.reserved)
        elif entry.order_id:
            _add(hard, (entry.order_id, entry.sku, entry.node), entry.reserved)
    due: dict[tuple[str, str, str], int] = {}
    for one in reservations:
        for line in one.lines:
            if one.state in (ReservationState.HELD, ReservationState.CONVERTED):
                _add(due, (one.id, line.sku, line.node), line.quantity)
            if one.state is ReservationState.CONVERTED:
                _add(hard, (one.order_id, line.sku, line.node), line.quantity)
    for holder, sku, node in soft.keys() | due.keys():
        held, told = due.get((holder, sku, node), 0), soft.get((holder, sku, node), 0)
        if held != told:
            yield Shortfall(sku, node, f"reserved for {holder}", held, told)
    for (holder, sku, node), told in hard.items():
        if told < 0:
            yield Shortfall(sku, node, f"reserved for {holder}", 0, told)


def _add(sums: dict[tuple[str, str, str], int], key: tuple[str, str, str], units: int) -> None:
    sums[key] = sums.get(key, 0) + units
