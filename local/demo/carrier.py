"""The carrier: hands out tracking numbers, and reports each delivery by signed webhook."""

from collections.abc import Iterator
from itertools import count

from local.demo.api import Document
from local.demo.board import Board, Parcel
from local.demo.samples import read
from local.demo.signed_webhook import SignedWebhooks

NAME = "Correios"

# How the tracking numbers of labels begin that the OMS has bought itself.
LABELLED = "SM"
_WEIGHTS = (8, 6, 4, 2, 3, 5, 9, 7)


class Carrier:
    def __init__(self, webhooks: SignedWebhooks) -> None:
        self._webhooks = webhooks
        self._labels = tracking_numbers()
        self._delivered: set[str] = set()

    def label(self) -> str:
        return next(self._labels)

    def act(self, board: Board) -> None:
        for order in board.values():
            for parcel in order.parcels:
                if parcel.state == "shipped" and parcel.id not in self._delivered:
                    labelled = parcel.tracking_number.startswith(LABELLED)
                    call = report_all(parcel) if labelled else report(parcel)
                    self._webhooks.send(call["source"], call["headers"], call["body"])
                    self._delivered.add(parcel.id)


def report(parcel: Parcel) -> Document:
    """The sample of a delivery, made to speak of this parcel."""
    return _about(parcel, "webhooks/carrier_delivered.json")


def report_all(parcel: Parcel) -> Document:
    """All that happened to this parcel, in one delivery and not in the order of its times."""
    return _about(parcel, "webhooks/carrier_tracking.json")


def _about(parcel: Parcel, sample: str) -> Document:
    call = read(sample)
    call["headers"]["webhook-id"] = f"trk_{parcel.id}"
    call["body"]["data"] |= {
        "fulfillment_id": parcel.id,
        "tracking_number": parcel.tracking_number,
    }
    return call


def tracking_numbers() -> Iterator[str]:
    """Numbers as postal services use them (UPU S10): eight digits, and one that checks them."""
    for serial in count(12345678):
        total = sum(int(d) * w for d, w in zip(str(serial), _WEIGHTS, strict=True))
        check = {10: 0, 11: 5}.get(rest := 11 - total % 11, rest)
        yield f"EX{serial}{check}BR"
