"""Customers who send something back, and the store that takes and inspects it."""

from collections.abc import Callable

from local.demo.api import Api
from local.demo.board import Board, Order
from local.demo.samples import Key, Sample


class Returns:
    """One unit of an order's first line comes back as good as new, and is sold again. It is brought
    once its customer `is_told` (by address) that it may be."""

    def __init__(
        self,
        customers: Api,
        staff: Api,
        samples: tuple[Sample, ...],
        is_told: Callable[[str], bool],
    ) -> None:
        self._customers = customers
        self._staff = staff
        self._is_told = is_told
        self._to_come: dict[Key, str] = {
            sample.key: sample.returned_to for sample in samples if sample.returned_to
        }
        self._asked: dict[Key, str] = {}

    def act(self, board: Board) -> None:
        for key, node in list(self._to_come.items()):
            order = board.get(key)
            if order is None or order.state != "completed":
                continue
            if key not in self._asked:
                self._asked[key] = self._ask(order)
            elif self._is_told(order.email):
                self._bring(self._asked[key], order, node)
                del self._to_come[key]

    def _ask(self, order: Order) -> str:
        units = {"line_id": order.lines[0], "quantity": 1}
        asked = self._customers.post(f"/v1/orders/{order.id}/returns", {"lines": [units]})
        return str(asked["id"])

    def _bring(self, returned: str, order: Order, node: str) -> None:
        path = f"/v1/returns/{returned}"
        self._staff.post(f"{path}/receive", {"receipt_id": "counter-1", "node": node})
        found = {"line_id": order.lines[0], "dispositions": {"restock": 1}}
        inspection = {"inspection_id": "counter-1", "node": node, "lines": [found]}
        self._staff.post(f"{path}/inspect", inspection)
