"""Customers who send something back, and the store that takes and inspects it."""

from local.demo.api import Api
from local.demo.board import Board, Order
from local.demo.samples import Key, Sample


class Returns:
    """One unit of an order's first line comes back as good as new, and is sold again."""

    def __init__(self, customers: Api, staff: Api, samples: tuple[Sample, ...]) -> None:
        self._customers = customers
        self._staff = staff
        self._to_come: dict[Key, str] = {
            sample.key: sample.returned_to for sample in samples if sample.returned_to
        }

    def act(self, board: Board) -> None:
        for key, node in list(self._to_come.items()):
            order = board.get(key)
            if order and order.state == "completed":
                self._send_back(order, node)
                del self._to_come[key]

    def _send_back(self, order: Order, node: str) -> None:
        line_id = order.lines[0]
        units = {"line_id": line_id, "quantity": 1}
        asked = self._customers.post(f"/v1/orders/{order.id}/returns", {"lines": [units]})
        path = f"/v1/returns/{asked['id']}"
        self._staff.post(f"{path}/receive", {"receipt_id": "counter-1", "node": node})
        found = {"line_id": line_id, "dispositions": {"restock": 1}}
        inspection = {"inspection_id": "counter-1", "node": node, "lines": [found]}
        self._staff.post(f"{path}/inspect", inspection)
