"""What joint shipments need of persistence. ``oms.aws.shipment_store`` implements it."""

from typing import Protocol

from oms.fulfillment.joint_shipments import JointShipment
from oms.kernel.writes import Write


class Shipments(Protocol):
    def storing(self, shipment: JointShipment) -> Write:
        """The write that keeps it; the same again changes nothing."""

    def shipment(self, shipment_id: str) -> JointShipment:
        """Raises ``NotFound``."""
