"""Cases that divide an amount into parts that sum to it."""

from typing import Any

from oms.kernel.money import Money, total
from oms.pricing.amounts import discount_parts
from oms.pricing.shares import allocate
from tests.cases.pricing.charges import currency_of
from tests.cases.reading import Keys, NotUnderstoodError

Facts = dict[str, Any]


def shares(given: Keys, when: Any, then: Keys) -> Facts:
    _only_distribute(when)
    amount = Money(given.value("amount"), currency_of(given))
    parts = allocate(amount, given.value("weights"))
    return {"shares": [part.minor for part in parts], "sum": total(parts, amount.currency).minor}


def order_discount(given: Keys, when: Any, then: Keys) -> Facts:
    _only_distribute(when)
    currency = currency_of(given)
    amounts = dict[str, Money]()
    for number, said in enumerate(given.each("lines")):
        quantity, unit_price = said.value("qty", 1), said.value("unit_price")
        whole = said.value("line_total")
        minor = unit_price * quantity if whole is None else whole
        amounts[said.value("id", f"{number}")] = Money(minor, currency)
        said.done()
    parts = discount_parts(Money(given.value("order_discount"), currency), [*amounts.values()])
    lines = [*zip(amounts, amounts.values(), parts, strict=True)]
    off = total(parts, currency)
    return {
        "line_discount": {name: part.minor for name, _, part in lines},
        "line_total": {name: (amount - part).minor for name, amount, part in lines},
        "discount": off.minor,
        "subtotal": (total([*amounts.values()], currency) - off).minor,
    }


def _only_distribute(when: Any) -> None:
    if when != "distribute":
        raise NotUnderstoodError(f"when: {when!r}")
