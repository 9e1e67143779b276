"""Whether so much of a SKU may be sold, and how much could be had. Pure."""

from dataclasses import dataclass

from oms.catalog.model import Item
from oms.kernel.quantity import quantity_number


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a quantity is not sold. ``obtainable``: what could be had instead, in units of the
    item's scale; None when that is not what stands in the way."""

    code: str
    detail: str
    obtainable: int | None = None


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


def _shown(units: int, item: Item) -> str:
    return str(quantity_number(units, item.scale))
