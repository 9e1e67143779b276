"""Amounts of a request, read with all their faults."""

from dataclasses import dataclass

from oms.kernel.errors import Faults, Invalid
from oms.kernel.money import Money


@dataclass(frozen=True, slots=True)
class MoneyReader:
    """Reads amounts; one that cannot be read is a fault and counts as zero."""

    currency: str
    faults: Faults

    def read(self, path: str, text: str) -> Money:
        try:
            return Money.parse(text, self.currency)
        except Invalid as fault:
            self.faults.add(path, fault.problem_code, fault.detail)
            return Money.zero(self.currency)
