"""Giving channels their shares of a SKU, and saying how they stand."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from oms.catalog.model import Item
from oms.catalog.store import Catalog
from oms.inventory.position import Position, ShareRule
from oms.inventory.share_contract import ShareRuleDocument, SharesDocument
from oms.inventory.shares import check_rules
from oms.inventory.store import Stock
from oms.kernel.errors import Faults, Invalid, StockContended
from oms.kernel.events import Cause
from oms.kernel.quantity import parse_quantity

_ATTEMPTS = 5


@dataclass(frozen=True, slots=True)
class Allocation:
    """A SKU's position, and by channel the units it owes others."""

    position: Position
    owed: Mapping[str, int]


def allocation(sku: str, stock: Stock, now: datetime) -> Allocation:
    return _with_owed(stock.positions({sku}, now)[sku], stock)


def set_shares(
    item: Item, document: SharesDocument, stock: Stock, catalog: Catalog, cause: Cause
) -> Allocation:
    """Replace the rules; what is available now is granted by them. Raises ``Invalid`` with every
    fault, and ``StockContended`` when stock moved each time it was granted.

    Stock that moves between the look and the grant was not yet of any part, or of one that is
    granted anew: that is seen at the next look, and granted again."""
    rules = _rules(item, document, catalog)
    granted = False
    for _ in range(_ATTEMPTS):
        position = stock.positions({item.sku}, cause.at, consistent=True)[item.sku]
        if granted and _is_granted(position):
            return _with_owed(position, stock)
        with suppress(StockContended):
            stock.shares.put_rules(item.sku, rules, _free(position), cause)
            granted = True
    if not granted:
        raise StockContended("stock moved each time it was granted")
    return allocation(item.sku, stock, cause.at)


def _is_granted(position: Position) -> bool:
    left = sum(share.left for share in position.shares)
    return not position.shares or left == _free(position)


def _with_owed(position: Position, stock: Stock) -> Allocation:
    lent = any(share.lent for share in position.shares)
    return Allocation(position, stock.shares.owed_by(position.sku) if lent else {})


def _free(position: Position) -> int:
    """What is available in no holder's hands: a reservation that has expired still has its part,
    which it gives back when it is ended."""
    available = sum(max(0, balance.available) for balance in position.balances)
    return max(0, available - sum(lapsed.quantity for lapsed in position.lapsed))


def _rules(item: Item, document: SharesDocument, catalog: Catalog) -> list[ShareRule]:
    faults = Faults()
    if document.rules and item.components:
        faults.add("rules", "bundle_has_no_stock", "its components have shares, a bundle has none")
    rules = [_rule(f"rules.{n}", rule, item, faults) for n, rule in enumerate(document.rules)]
    for number, rule in enumerate(rules):
        if catalog.channel(rule.channel) is None:
            message = f"{rule.channel!r} is not a known channel"
            faults.add(f"rules.{number}.channel", "unknown_channel", message)
    check_rules(rules, faults)
    return rules


def _rule(path: str, document: ShareRuleDocument, item: Item, faults: Faults) -> ShareRule:
    return ShareRule(
        document.channel,
        None if document.share is None else Decimal(document.share),
        _units(f"{path}.cap", document.cap, item, faults),
        tuple(document.borrows_from),
        _units(f"{path}.lends", document.lends, item, faults),
    )


def _units(path: str, quantity: Decimal | None, item: Item, faults: Faults) -> int | None:
    if quantity is None:
        return None
    try:
        return parse_quantity(quantity, item.scale)
    except Invalid as refused:
        faults.add(path, refused.problem_code, refused.detail)
        return 0
