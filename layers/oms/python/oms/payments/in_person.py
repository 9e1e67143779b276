"""Money that changed hands at a customer's door, as a carrier tells it."""

from dataclasses import dataclass

from oms.kernel.money import Money


@dataclass(frozen=True, slots=True)
class Collected:
    """``reference`` is the receipt's; each counts once."""

    amount: Money
    reference: str
    tender: str = "cash"
