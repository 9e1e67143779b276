"""A store's counter: customers come with the code they were mailed, and pay what is due."""

from collections.abc import Callable

from local.demo.api import Api
from local.demo.board import Board, Order, Parcel


class StoreCounter:
    """`code_of` gives the code that was mailed to an address, once it was."""

    def __init__(self, api: Api, code_of: Callable[[str], str | None]) -> None:
        self._api = api
        self._code_of = code_of

    def act(self, board: Board) -> None:
        for order in board.values():
            for parcel in order.parcels:
                if parcel.state == "ready" and (code := self._code_of(order.email)):
                    self._hand_over(order, parcel, code)

    def _hand_over(self, order: Order, parcel: Parcel, code: str) -> None:
        due = order.total - order.payment.captured
        body: dict[str, object] = {"code": code}
        if due:
            receipt = f"till-{order.number}"
            body["payment"] = {"amount": str(due), "reference": receipt, "tender": "cash"}
        self._api.post(f"/v1/fulfillments/{parcel.id}/hand-over", body)
