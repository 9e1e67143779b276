"""Whatever a carrier answers, or does not: a parcel never has two labels, and none is forgotten."""

from dataclasses import dataclass, field
from unittest.mock import patch

from hypothesis import given, settings
from hypothesis import strategies as st

from oms.fulfillment.carriers import BoughtLabel, CancelRequest, Carrier, LabelRequest
from oms.fulfillment.labels import Station, buy_labels, cancel_labels
from oms.fulfillment.simulated_carrier import SimulatedCarrier
from oms.kernel.errors import Conflict, ProviderUnavailable
from tests.integration.fulfillment.station import at, at_the_node, parcels_of, stock_up
from tests.integration.world import World, world_in_memory


@dataclass
class Unreliable(SimulatedCarrier):
    """Does what it is asked, or does not, and answers, or does not: as ``moods`` say in turn."""

    moods: list[str] = field(default_factory=list)
    sold: set[str] = field(default_factory=set)
    gone: set[str] = field(default_factory=set)

    def named(self, name: str) -> Carrier:
        return self

    def buy(self, request: LabelRequest) -> BoughtLabel:
        mood = self._mood()
        if mood != "deaf":
            assert request.idempotency_key not in self.gone
            self.sold.add(request.idempotency_key)
        if mood != "well":
            raise ProviderUnavailable("no answer")
        return super().buy(request)

    def cancel(self, request: CancelRequest) -> None:
        mood = self._mood()
        if mood != "deaf":
            self.gone.add(request.idempotency_key)
        if mood != "well":
            raise ProviderUnavailable("no answer")

    def _mood(self) -> str:
        return self.moods.pop(0) if self.moods else "well"


def take(station: Station, part: str, step: str) -> None:
    try:
        if step == "cancel":
            cancel_labels(station, part)
        else:
            buy_labels(station, part, step.removeprefix("buy"), at(12))
    except (ProviderUnavailable, Conflict):
        return


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.sampled_from(["buy", "buysedex", "cancel"]), max_size=8),
    st.lists(st.sampled_from(["well", "deaf", "mute"]), max_size=25),
)
def test_no_parcel_has_two_labels_and_no_label_is_forgotten(
    steps: list[str], moods: list[str]
) -> None:
    oms: World = world_in_memory()
    stock_up(oms)
    part = at_the_node(oms)
    carrier = Unreliable(moods=moods)
    station = Station(oms.orders, parcels_of(oms), oms.catalog, carrier)

    with patch("oms.fulfillment.patience.FIRST_SECONDS", 0):
        for step in steps:
            take(station, part, step)
            assert len(carrier.sold - carrier.gone) <= 1
        carrier.moods.clear()
        take(station, part, "cancel")

    packing = parcels_of(oms).packing(part)
    assert carrier.sold <= carrier.gone
    assert packing is None or packing.state == "packed"
