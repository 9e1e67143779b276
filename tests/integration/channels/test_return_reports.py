"""What a carrier reports on a parcel that comes back, by webhook."""

from oms.orders.evolve import evolve_all
from oms.returns import events as happened
from oms.returns.model import Return, ReturnLabel, ReturnLine
from tests.integration.channels.conftest import Inbound
from tests.integration.channels.test_inbox_function import message
from tests.samples import CAUSE, NOW, content


def test_a_report_finds_the_return_that_its_parcel_is_of(inbound: Inbound) -> None:
    order = inbound.orders.add(content(), "fingerprint", CAUSE).order
    name = f"ret_{order.order_id.removeprefix('ord_')}_1"
    label = ReturnLabel(f"{name}:label", "sp-dc", "pac", "Correios", "simulator")
    events = (
        happened.ReturnRequested(name, Return(name, (ReturnLine("MUG", 1),), NOW)),
        happened.ReturnApproved(name, by_policy=True),
        happened.ReturnLabelRequested(name, label),
        happened.ReturnLabelled(name, "BR1", "r", 900),
    )
    assert evolve_all(order, events).progress.returns
    inbound.orders.commit(order, events, CAUSE)

    report = message(
        "carrier_delivered", fulfillment_id=name, tracking_number="BR1", status="in_transit"
    )
    assert inbound.deliver(report, report) == []

    (found,) = inbound.orders.load(order.order_id).progress.returns
    assert found.label is not None and found.label.status == "in_transit"
    assert inbound.parked() == []
