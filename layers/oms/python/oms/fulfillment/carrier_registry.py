"""Every carrier integration by name, and the one place that knows how each is opened.

A carrier service of the catalogue names one in ``labels_by``. A new one implements ``Carrier``,
gets its line here and its name in the contract of carrier services; it is imported when it is first
needed.
"""

from collections.abc import Callable

from oms.fulfillment.carriers import Carrier
from oms.kernel.errors import Invalid


class CarrierRegistry:
    """Opens each once; keep one for the life of a process."""

    def __init__(self) -> None:
        self._open: dict[str, Carrier] = {}

    def named(self, name: str) -> Carrier:
        """Raises ``Invalid`` (``unknown_carrier``)."""
        if name not in _OPENERS:
            raise Invalid(f"no labels are bought by {name!r}", code="unknown_carrier")
        if name not in self._open:
            self._open[name] = _OPENERS[name]()
        return self._open[name]


def _simulator() -> Carrier:
    from oms.fulfillment.simulated_carrier import SimulatedCarrier

    return SimulatedCarrier()


_OPENERS: dict[str, Callable[[], Carrier]] = {"simulator": _simulator}
