"""The demo's catalogue, nodes, channels and stock: `events/catalogue.json`."""

from local.demo.api import Api, Document

FILE = "catalogue.json"


def load(demo: Document, catalog: Api, inventory: Api) -> None:
    """Items, nodes, channels and carriers first: stock is only booked for what is known."""
    for room in ("items", "nodes", "channels", "carrier-services"):
        for name, document in demo[room].items():
            catalog.put(f"/v1/{room}/{name}", document)
    for movement in demo["stock"]:
        inventory.post("/v1/inventory/movements", movement)
