"""The retailer's own channels, which post their orders, and the customers, who may cancel."""

from local.demo.api import Api
from local.demo.board import Board
from local.demo.samples import Key, Sample, read
from local.failure import LocalFailure


class Shop:
    def __init__(self, api: Api) -> None:
        self._api = api

    def place(self, sample: Sample) -> None:
        """Post the order, as often as the sample says: the same order must come back each time."""
        order = read(sample.file)
        ids = {self._api.post("/v1/orders", order)["id"] for _ in range(sample.times)}
        if len(ids) > 1:
            raise LocalFailure(f"order {sample.number} was captured as {', '.join(sorted(ids))}")


class Customers:
    """Those who change their mind."""

    def __init__(self, api: Api, samples: tuple[Sample, ...]) -> None:
        self._api = api
        self._undecided: dict[Key, str] = {
            sample.key: sample.cancelled_when for sample in samples if sample.cancelled_when
        }

    def act(self, board: Board) -> None:
        for key, state in list(self._undecided.items()):
            order = board.get(key)
            if order and order.state == state:
                self._api.post(f"/v1/orders/{order.id}/cancel", {"reason": "customer_request"})
                del self._undecided[key]
