"""Soft reservations: taken, extended, released, and made an order's, each once.

Nothing here reads and then trusts what it read: what was read chooses the writes, and the writes'
conditions decide. A basket is taken in one transaction, all lines or none.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from oms.catalog.bundles import with_components
from oms.catalog.model import Item
from oms.catalog.store import Catalog
from oms.inventory.baskets import Lacking, Wanted, choose, lacking
from oms.inventory.bundles import explode
from oms.inventory.counters import first, is_short
from oms.inventory.position import Position
from oms.inventory.positions import positions_to_take_by
from oms.inventory.reservation import (
    LONGEST,
    Reservation,
    ReservationState,
    ReservedLine,
    most_lines,
    reserved_by_sku,
)
from oms.inventory.store import Stock
from oms.kernel.errors import (
    Conflict,
    Faults,
    Invalid,
    NotFound,
    Refused,
    StockContended,
    TooLarge,
)
from oms.kernel.events import Cause
from oms.kernel.quantity import quantity_number
from oms.kernel.writes import Write
from oms.routing.capacity import Capacity

_ATTEMPTS = 8
# The first look is at one counter and may be a little old, and units that move between counters
# while these are read may be seen on none: a refusal is not said before the third look.
_LOOKS = 2
# The clock comes every minute; what it missed for longer is found by whoever lacks the units.
_MINUTES_SWEPT = 15
_ENDED = {
    ReservationState.EXPIRED: Conflict("the reservation has expired", code="reservation_expired"),
    ReservationState.RELEASED: Conflict("the reservation is released", code="reservation_released"),
    ReservationState.CONVERTED: Conflict("it is an order's by now", code="reservation_converted"),
}


@dataclass(frozen=True, slots=True)
class Basket:
    """What is asked for under the id that its sender gave it, as sent: ``fingerprint``."""

    id: str
    channel: str
    wanted: tuple[Wanted, ...]
    expires_at: datetime
    fingerprint: str


@dataclass(frozen=True, slots=True)
class Taken:
    """``created`` is false when the same basket had been taken before."""

    reservation: Reservation
    created: bool


@dataclass(frozen=True, slots=True)
class Kept:
    """A reservation as it is stored, and of what request it was taken."""

    reservation: Reservation
    fingerprint: str


class Reservations(Protocol):
    @property
    def capacity(self) -> Capacity:
        """That of the nodes whose stock is reserved."""

    def find(self, reservation_id: str) -> Kept | None: ...

    def take(
        self, reservation: Reservation, fingerprint: str, cause: Cause, also: Sequence[Write]
    ) -> None:
        """Hold the units of all lines and do ``also``. Raises ``Conflict``
        (``reservation_exists``), ``StockContended`` when a balance does not have them."""

    def extend(self, held: Reservation, expires_at: datetime) -> Reservation:
        """Raises ``StockContended`` when the reservation is not as ``held`` any more."""

    def end(self, held: Reservation, state: ReservationState, cause: Cause) -> Reservation:
        """Give the units back. Raises ``StockContended`` as ``extend`` does."""

    def conversion(self, held: Reservation, order_id: str, cause: Cause) -> list[Write]:
        """Writes that make the units the order's; refused as ``extend`` is."""

    def expiring(self, now: datetime, minutes: int) -> Iterator[str]:
        """Ids of those that expired within the last minutes and hold their units still."""

    def expire(self, reservation_id: str, now: datetime) -> None:
        """End it if it has expired by ``now``."""


def take(
    basket: Basket, reservations: Reservations, stock: Stock, catalog: Catalog, cause: Cause
) -> Taken:
    """Raises ``Invalid`` with every fault, ``Conflict`` (``insufficient_stock``, and
    ``content_differs`` when the id was used for another basket), ``TooLarge``. A basket that was
    taken before is answered as it is now, whatever would be said of it today."""
    try:
        taken = _take(basket, reservations, stock, catalog, cause)
    except Refused:
        kept = reservations.find(basket.id)
        if kept is None:
            raise
        if kept.fingerprint != basket.fingerprint:
            raise Conflict(
                "this id was used for a basket with another content", code="content_differs"
            ) from None
        return Taken(kept.reservation, created=False)
    return Taken(taken, created=True)


def read(reservation_id: str, reservations: Reservations) -> Reservation:
    """Raises ``NotFound``."""
    kept = reservations.find(reservation_id)
    if kept is None:
        raise NotFound(f"there is no reservation {reservation_id}")
    return kept.reservation


def extend(
    reservation_id: str, expires_at: datetime, reservations: Reservations, now: datetime
) -> Reservation:
    """Raises ``NotFound``, ``Conflict`` when it has ended, ``Invalid`` for a time that is past or
    too far."""
    for _ in range(_ATTEMPTS):
        held = read(reservation_id, reservations)
        _refuse_ended(held, now)
        if held.expires_at == expires_at:
            return held
        faults = Faults()
        _check_time(expires_at, now, held.latest, faults)
        faults.refuse("the reservation cannot be extended to then")
        try:
            return reservations.extend(held, expires_at)
        except StockContended:
            continue
    raise StockContended("the reservation is being changed")


def release(reservation_id: str, reservations: Reservations, cause: Cause) -> Reservation:
    """Let go of its units; of one that has ended without an order there is nothing to let go.
    Raises ``NotFound``, and ``Conflict`` when it is an order's."""
    for _ in range(_ATTEMPTS):
        held = read(reservation_id, reservations)
        if held.state is ReservationState.CONVERTED:
            _refuse_ended(held, cause.at)
        if held.state is not ReservationState.HELD:
            return held
        state = held.state_at(cause.at)
        to = ReservationState.RELEASED if state is ReservationState.HELD else state
        try:
            return reservations.end(held, to, cause)
        except StockContended:
            continue
    raise StockContended("the reservation is being changed")


def held_for(
    reservation_id: str,
    channel: str,
    units: Mapping[str, int],
    order_id: str,
    reservations: Reservations,
    now: datetime,
) -> Reservation | None:
    """The reservation that an order is captured with; None when it is that order's already. It
    holds exactly ``units`` (by SKU), for the order's channel.

    Raises ``Invalid`` (``unknown_reservation``, ``reservation_mismatch``) and ``Conflict`` when it
    has ended."""
    kept = reservations.find(reservation_id)
    if kept is None:
        raise Invalid(f"there is no reservation {reservation_id}", code="unknown_reservation")
    held = kept.reservation
    if held.order_id == order_id:
        return None
    _refuse_ended(held, now)
    if held.channel != channel or reserved_by_sku(held.lines) != units:
        raise Invalid(
            "the reservation holds other units than the order needs", code="reservation_mismatch"
        )
    return held


def sweep(reservations: Reservations, now: datetime) -> int:
    """End what expired in the last minutes. Nothing depends on it: a taking that lacks units ends
    what has expired itself, and every figure counts such units as available. What the sweep adds
    is that orders which wait for these units are told."""
    ended = 0
    for reservation_id in reservations.expiring(now, _MINUTES_SWEPT):
        reservations.expire(reservation_id, now)
        ended += 1
    return ended


def _take(
    basket: Basket, reservations: Reservations, stock: Stock, catalog: Catalog, cause: Cause
) -> Reservation:
    items = _check(basket, catalog, cause.at)
    wanted = [part for one in basket.wanted for part in _parts(one, items)]
    skus = {one.sku for one in wanted}
    shipping = frozenset(
        node.id
        for node in catalog.nodes()
        if node.active and node.can_ship and node.is_on(cause.at)
    )
    for attempt in range(_ATTEMPTS):
        if attempt == 0:
            positions = stock.positions_near(skus, cause.at, basket.id)
        else:
            positions = positions_to_take_by(skus, stock, cause.at, consistent=True)
        if missing := lacking(wanted, positions, shipping, basket.channel):
            if attempt < _LOOKS:
                continue
            _refuse_lacking(missing, items)
        lines = choose(wanted, positions, shipping, basket.id)
        if attempt == 0 and _goes_on(lines, positions, basket.id):
            continue
        reservation = Reservation(basket.id, basket.channel, lines, cause.at, basket.expires_at)
        units = reserved_by_sku(lines)
        try:
            parts = stock.shares.take(basket.channel, units, basket.id, positions, cause.at)
            _refuse_size(lines, parts)
            reservations.take(reservation, basket.fingerprint, cause, parts)
        except StockContended:
            stock.reclaim(skus, cause.at)
        else:
            _level(lines, basket.id, positions, stock, cause)
            return reservation
    raise StockContended("stock went elsewhere each time it was chosen")


def _goes_on(lines: Sequence[ReservedLine], positions: Mapping[str, Position], key: str) -> bool:
    """Whether the counter it began at is short: then all are looked at, for if everybody went home
    from there, home would be the one hot item again."""
    return any(
        line.counter != first(key, len(counters))
        for line in lines
        if (counters := positions[line.sku].counters)
    )


def _level(
    lines: Sequence[ReservedLine],
    key: str,
    positions: Mapping[str, Position],
    stock: Stock,
    cause: Cause,
) -> None:
    for line in lines:
        available = positions[line.sku].available_on_counters(line.node)
        if is_short(available, line.counter, key):
            stock.level(line.sku, line.node, cause)


def _check(basket: Basket, catalog: Catalog, now: datetime) -> Mapping[str, Item]:
    """What the basket names and all that it is made of."""
    faults = Faults()
    items = with_components({one.sku for one in basket.wanted}, catalog)
    named = {one.node for one in basket.wanted if one.node}
    nodes = {node.id for node in catalog.nodes(named)} if named else set()
    for index, one in enumerate(basket.wanted):
        if one.sku not in items or not items[one.sku].active:
            faults.add(f"lines.{index}.sku", "unknown_sku", f"{one.sku!r} is not sold")
        if one.node and one.node not in nodes:
            faults.add(f"lines.{index}.node", "unknown_node", f"{one.node!r} is not a node")
        if one.quantity <= 0:
            message = "a line reserves more than nothing"
            faults.add(f"lines.{index}.quantity", "quantity_not_positive", message)
    if catalog.channel(basket.channel) is None:
        faults.add("channel", "unknown_channel", f"{basket.channel!r} is not a known channel")
    _check_time(basket.expires_at, now, now + LONGEST, faults)
    faults.refuse("the reservation breaks a rule")
    return items


def _parts(one: Wanted, items: Mapping[str, Item]) -> list[Wanted]:
    """A bundle is reserved as what it is made of."""
    needs = explode([(one.sku, one.quantity)], items)
    return [Wanted(sku, units, one.node) for sku, units in needs.items()]


def _check_time(expires_at: datetime, now: datetime, latest: datetime, faults: Faults) -> None:
    if expires_at <= now:
        faults.add("expires_at", "in_the_past", "the reservation would have expired already")
    elif expires_at > latest:
        hours = LONGEST // timedelta(hours=1)
        faults.add("expires_at", "too_far", f"a reservation lasts {hours} hours at most")


def _refuse_lacking(missing: Sequence[Lacking], items: Mapping[str, Item]) -> None:
    shown = [
        {
            "sku": one.sku,
            **({"node": one.node} if one.node else {}),
            "wanted": quantity_number(one.wanted, items[one.sku].scale),
            "available": quantity_number(one.available, items[one.sku].scale),
        }
        for one in missing
    ]
    skus = ", ".join(sorted({one.sku for one in missing}))
    raise Conflict(
        f"there is not enough of {skus}", code="insufficient_stock", context={"lacking": shown}
    )


def _refuse_size(lines: Sequence[ReservedLine], parts: Sequence[Write]) -> None:
    """``parts``: writes of channels' shares, which leave less room."""
    maximum = most_lines(sum(1 for line in lines if line.counter), len(parts))
    if len(lines) > maximum:
        raise TooLarge(
            f"this reservation may take from at most {maximum} balances",
            code="too_many_lines",
            context={"limit": "lines", "maximum": maximum, "actual": len(lines)},
        )


def _refuse_ended(held: Reservation, now: datetime) -> None:
    ended = _ENDED.get(held.state_at(now))
    if ended is not None:
        raise ended
