"""The sample orders are what the demo says they are, and a shop could send them."""

import json

import pytest

from local.demo.samples import EVENTS, SAMPLES, Sample, read
from oms.catalog.delivery_contract import CarrierServiceDocument, service_of
from oms.channels import shopify, standard
from oms.channels.model import CaptureRequested, Delivery
from oms.orders.contract import CaptureOrder

CATALOGUE = read("catalogue.json")
READERS = {"shopify": shopify.read, "standard": standard.read}


def request_of(file: str) -> CaptureOrder:
    """What is asked of us by an order, or by a webhook that carries one."""
    document = read(file)
    if "body" not in document:
        return CaptureOrder.model_validate(document)
    headers = {name.removeprefix("x-"): value for name, value in document["headers"].items()}
    delivery = Delivery("msg_1", json.dumps(document["body"]), headers)
    (command,) = READERS[document["source"]](delivery)
    assert isinstance(command, CaptureRequested)
    return CaptureOrder.model_validate(command.document, extra="ignore")


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.number)
def test_a_sample_holds_the_order_that_it_names(sample: Sample) -> None:
    request = request_of(sample.file)

    assert (request.channel, request.channel_order_id) == sample.key


@pytest.mark.parametrize(
    "file", sorted(f"orders/{path.name}" for path in (EVENTS / "orders").glob("*.json"))
)
def test_the_catalogue_knows_what_an_order_asks_for(file: str) -> None:
    request = request_of(file)

    assert request.currency in CATALOGUE["channels"][request.channel]["currencies"]
    assert {line.sku for line in request.lines} <= CATALOGUE["items"].keys()


def test_no_order_and_no_customer_is_used_twice() -> None:
    emails = [request_of(sample.file).customer.email for sample in SAMPLES]

    assert len({sample.key for sample in SAMPLES}) == len(SAMPLES)
    assert len(set(emails)) == len(SAMPLES)


def test_nodes_that_samples_expect_are_in_the_catalogue() -> None:
    assert {node for sample in SAMPLES for node in sample.nodes} <= CATALOGUE["nodes"].keys()


def test_stock_is_received_for_known_items_at_known_nodes_once_each() -> None:
    movements = [*CATALOGUE["stock"], *CATALOGUE["late_stock"]]

    assert {movement["sku"] for movement in movements} == CATALOGUE["items"].keys()
    assert {movement["node"] for movement in movements} == CATALOGUE["nodes"].keys()
    assert len({movement["id"] for movement in movements}) == len(movements)


@pytest.mark.parametrize("name", sorted(CATALOGUE["carrier-services"]))
def test_carrier_services_are_as_the_api_takes_them(name: str) -> None:
    document = CATALOGUE["carrier-services"][name]

    service = service_of(name, CarrierServiceDocument.model_validate(document))

    assert (service.labels_by, service.currency) == ("simulator", "BRL")
