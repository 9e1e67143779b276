"""Store and warehouse staff: take the work of their node, pick, pack and ship it; take goods in."""

from collections.abc import Callable
from dataclasses import dataclass, field

from local.demo import carrier
from local.demo.api import Api, Document, Refusal
from local.demo.board import Board

# Answers to a step whose order is being cancelled: the parcel goes back on the shelf.
_TAKEN_BACK = ("cancelling", "illegal_transition")
_NEXT_STEP = {"accepted": "pick", "picked": "pack", "packed": "ship", "labelled": "ship"}


@dataclass
class Printer:
    """Prints the label of one parcel, of the carrier service that the OMS chooses; it has none
    before. `bought` is what was answered."""

    parcel: str = ""
    bought: Document = field(default_factory=dict)


class Node:
    """One step for each parcel whenever the staff act; `label` gives a tracking number. With a
    `printer` the first parcel leaves with a label of the OMS's own. The node says no to the orders
    that it `refuses`, by their number."""

    def __init__(
        self,
        node: str,
        api: Api,
        label: Callable[[], str],
        printer: Printer | None = None,
        refuses: frozenset[str] = frozenset(),
    ) -> None:
        self._node = node
        self._api = api
        self._label = label
        self._printer = printer
        self._refuses = refuses
        self._in_hand: dict[str, str] = {}

    def act(self, board: Board) -> None:
        for parcel, step in list(self._in_hand.items()):
            self._do(step, parcel)
        refused = self._refused(board)
        for parcel in self._new_work(board):
            self._do("reject" if parcel in refused else "accept", parcel)

    def _refused(self, board: Board) -> set[str]:
        orders = (order for order in board.values() if order.number in self._refuses)
        return {parcel.id for order in orders for parcel in order.parcels}

    def _new_work(self, board: Board) -> list[str]:
        """Asks for the node's work when there should be some; what the board does not show yet is
        left for the next turn."""
        parcels = [parcel for order in board.values() for parcel in order.parcels]
        if not any(parcel.node == self._node and parcel.state == "open" for parcel in parcels):
            return []
        work = self._api.get("/v1/fulfillments", node=self._node, state="open")
        shown = {parcel.id for parcel in parcels}
        return [one["id"] for one in work["fulfillments"] if one["id"] in shown]

    def _do(self, step: str, parcel: str) -> None:
        self._in_hand.pop(parcel, None)
        try:
            body = self._body(step, parcel)
            done = self._api.post(f"/v1/fulfillments/{parcel}/{step}", body)
        except Refusal as refusal:
            if refusal.code not in _TAKEN_BACK:
                raise
            return
        if step == "label" and self._printer:
            self._printer.bought = done
        if done["state"] == "packed" and self._prints(parcel):
            self._in_hand[parcel] = "label"
        elif next_step := _next_step(done):
            self._in_hand[parcel] = next_step

    def _prints(self, parcel: str) -> bool:
        if self._printer is None or self._printer.parcel:
            return False
        self._printer.parcel = parcel
        return True

    def _body(self, step: str, parcel: str) -> Document | None:
        if step == "reject":
            return {"reason": "too_busy"}
        return self._shipment(parcel) if step == "ship" else None

    def _shipment(self, parcel: str) -> Document | None:
        """Nothing of a parcel that has its label."""
        if self._printer and self._printer.parcel == parcel:
            return None
        return {"carrier": carrier.NAME, "tracking_number": self._label()}


def _next_step(done: Document) -> str | None:
    """What is collected where it was picked is not packed: it lies ready."""
    if done["state"] == "picked" and done.get("method") == "pickup":
        return "ready"
    return _NEXT_STEP.get(done["state"])


class GoodsIn:
    """Books what a supplier delivers once an order waits for it."""

    def __init__(self, api: Api, receipts: list[Document]) -> None:
        self._api = api
        self._receipts = receipts

    def act(self, board: Board) -> None:
        if not any(order.status == "backordered" for order in board.values()):
            return
        while self._receipts:
            self._api.post("/v1/inventory/movements", self._receipts.pop())
