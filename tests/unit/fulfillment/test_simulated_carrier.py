"""The carrier that lives in this process."""

from dataclasses import replace
from datetime import date

import pytest

from oms.catalog.delivery import Band, CarrierService, NodeCalendar
from oms.catalog.model import Node
from oms.fulfillment.carrier_registry import CarrierRegistry
from oms.fulfillment.carriers import CancelRequest, LabelRequest, ManifestRequest, RateRequest
from oms.fulfillment.parcels import Parcel
from oms.fulfillment.patience import ATTEMPTS, patiently
from oms.fulfillment.simulated_carrier import SimulatedCarrier
from oms.kernel.errors import Invalid, ProviderUnavailable
from oms.kernel.money import Money
from oms.orders.model import Address
from tests.samples import NOW, content

SP = Node("sp-dc", "Cajamar", "warehouse", "BR", "SP", "Cajamar", "", -23.35, -46.88)
TO: Address = content().shipping_address
PAC = CarrierService(
    "pac",
    "PAC",
    "Correios",
    ("BR",),
    (Band(100, 2, 1200, 100), Band(3000, 6, 2500, 300)),
    "BRL",
    labels_by="simulator",
)
PARCELS = (Parcel("pcl_1", (), 1200), Parcel("pcl_2", (), 300))
CARRIER = SimulatedCarrier()


def request(*services: CarrierService, to: Address = TO) -> RateRequest:
    return RateRequest(services, SP, to, PARCELS, "BRL", NOW)


def label(key: str, service: CarrierService = PAC) -> LabelRequest:
    return LabelRequest(service, SP, TO, PARCELS[0], "ful_1", key)


def test_a_rate_is_the_band_of_the_distance_for_each_parcel() -> None:
    (rate,) = CARRIER.rates(request(PAC))

    assert rate.cost == (1200 + 2 * 100) + (1200 + 100)
    assert (rate.days, rate.arrives) == (2, date(2026, 5, 6))


def test_services_that_do_not_go_there_have_no_rate() -> None:
    elsewhere = replace(PAC, countries=("US",))
    near = replace(PAC, bands=PAC.bands[:1])
    recife = replace(TO, city="Recife", latitude=-8.05, longitude=-34.9)

    assert CARRIER.rates(request(elsewhere)) == ()
    assert CARRIER.rates(request(near, to=recife)) == ()


def test_what_is_packed_is_not_handled_again() -> None:
    calendar = NodeCalendar(handling_days=3, working_days=(0, 1, 2, 3, 4, 5, 6))
    slow = replace(SP, calendar=calendar, handling_cost=Money(900, "BRL"), can_ship=False)

    (rate,) = CARRIER.rates(replace(request(PAC), origin=slow))

    assert (rate.cost, rate.arrives) == (2700, date(2026, 5, 6))


def test_one_key_is_one_label_and_another_key_another() -> None:
    first, again, other = (CARRIER.buy(label(key)) for key in ("a", "a", "b"))

    assert first == again
    assert first.tracking_number != other.tracking_number
    assert (len(first.tracking_number), first.cost) == (18, 1400)


def test_a_label_to_where_the_service_does_not_go_is_refused() -> None:
    with pytest.raises(Invalid) as refused:
        CARRIER.buy(label("a", replace(PAC, bands=(Band(1, 1, 1),))))
    assert refused.value.problem_code == "carrier_refused"


def test_cancelling_and_closing_may_be_asked_again() -> None:
    day = ManifestRequest("sp-dc", "Correios", date(2026, 5, 4), ("SM1",), "man_1")

    CARRIER.cancel(CancelRequest("a", "SM1"))
    CARRIER.cancel(CancelRequest("a"))

    assert CARRIER.close(day) == CARRIER.close(day)


def test_carriers_are_found_by_the_name_of_their_integration() -> None:
    registry = CarrierRegistry()

    assert registry.named("simulator") is registry.named("simulator")
    with pytest.raises(Invalid) as refused:
        registry.named("pigeons")
    assert refused.value.problem_code == "unknown_carrier"


class Silent:
    """Does not answer the first so many times."""

    def __init__(self, times: int) -> None:
        self.left = times
        self.pauses: list[float] = []

    def ask(self) -> str:
        if self.left:
            self.left -= 1
            raise ProviderUnavailable("no answer")
        return "answer"


def test_a_carrier_that_does_not_answer_is_asked_again_after_growing_pauses() -> None:
    silent = Silent(ATTEMPTS - 1)

    said = patiently(silent.ask, pause=silent.pauses.append, spread=lambda low, high: high)

    assert said == "answer"
    assert silent.pauses == [0.2, 0.4]


def test_one_that_never_answers_is_given_up() -> None:
    silent = Silent(ATTEMPTS)

    with pytest.raises(ProviderUnavailable):
        patiently(silent.ask, pause=silent.pauses.append)
    assert len(silent.pauses) == ATTEMPTS - 1
