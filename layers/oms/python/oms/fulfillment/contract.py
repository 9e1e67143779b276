"""The JSON of a node's work."""

from typing import Annotated

from pydantic import BaseModel, Field, StringConstraints

from oms.fulfillment.pickup_contract import TillPaymentDocument
from oms.orders.contract import Document, FulfillmentView


class Shipment(Document):
    carrier: Annotated[str, StringConstraints(min_length=1, max_length=64)]
    tracking_number: Annotated[str, StringConstraints(min_length=1, max_length=64)]


class DeliveryDocument(Document):
    """``collected`` is what the driver took, where the order is paid at the door."""

    collected: TillPaymentDocument | None = None


class FulfillmentPage(BaseModel):
    fulfillments: list[FulfillmentView]
    next_cursor: str | None = Field(
        default=None, description="Pass it as `cursor` to read on; null at the end"
    )
