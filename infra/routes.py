"""Every route of the API, the function behind it and the scope it needs."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Route:
    """``scope`` is the one that the caller's token must hold. A route without one is open to
    everybody, and ``open_because`` says why that is right."""

    method: str
    path: str
    function: str
    scope: str = ""
    open_because: str = ""


_READ_BY_ALL = "Documentation and liveness hold nothing about any order."
_SIGNED = "The sender has no token: the function checks the signature of the raw body."


def _route(verb_and_path: str, function: str, scope: str) -> Route:
    method, path = verb_and_path.split()
    return Route(method, path, function, scope=f"oms/{scope}")


def _open(verb_and_path: str, function: str, because: str) -> Route:
    method, path = verb_and_path.split()
    return Route(method, path, function, open_because=because)


_FULFILLMENT = "/v1/fulfillments/{fulfillment_id}"
_ACCOUNT = "/v1/accounts/{account_id}"
_RETURN = "/v1/returns/{return_id}"
_RETURN_POLICY = "/v1/return-policies/{policy_id}"
_REPLENISHMENT = "/v1/inventory/{sku}/nodes/{node_id}/replenishment"
_SETTLEMENT = "/v1/settlements/{settlement_id}"
_PURCHASE_ORDER = "/v1/purchase-orders/{order_id}"
_PAYMENT = "/v1/orders/{order_id}/payments/{payment_id}"
_REFUNDS = "/v1/orders/{order_id}/refunds"
_SHIPPING_NOTICE = f"{_PURCHASE_ORDER}/shipping-notices/{{notice_id}}"

ROUTES = (
    _open("GET /", "docs", _READ_BY_ALL),
    _open("GET /docs", "docs", _READ_BY_ALL),
    _open("GET /openapi.json", "docs", _READ_BY_ALL),
    _open("GET /health", "docs", _READ_BY_ALL),
    _open("POST /v1/webhooks/{source}", "webhooks", _SIGNED),
    _route("POST /v1/orders", "orders", "orders.write"),
    _route("GET /v1/orders", "orders", "orders.read"),
    _route("GET /v1/orders/{order_id}", "orders", "orders.read"),
    _route("GET /v1/orders/{order_id}/history", "orders", "orders.read"),
    _route("GET /v1/orders/{order_id}/routing", "orders", "orders.read"),
    _route("POST /v1/orders/{order_id}/cancel", "orders", "orders.write"),
    _route("POST /v1/orders/{order_id}/address", "orders", "orders.write"),
    _route("POST /v1/orders/{order_id}/resume", "orders", "orders.write"),
    _route("GET /v1/jeopardies", "orders", "orders.read"),
    _route("GET /v1/exceptions", "orders", "orders.read"),
    _route("POST /v1/exceptions/{order_id}/resolve", "orders", "orders.write"),
    _route("PUT /v1/items/{sku}", "catalog", "catalog.write"),
    _route("GET /v1/items/{sku}", "catalog", "catalog.read"),
    _route("PUT /v1/nodes/{node_id}", "catalog", "catalog.write"),
    _route("GET /v1/nodes/{node_id}", "catalog", "catalog.read"),
    _route("GET /v1/nodes", "catalog", "catalog.read"),
    _route("PUT /v1/channels/{channel_id}", "catalog", "catalog.write"),
    _route("GET /v1/channels/{channel_id}", "catalog", "catalog.read"),
    _route("PUT /v1/carrier-services/{service_id}", "catalog", "catalog.write"),
    _route("GET /v1/carrier-services/{service_id}", "catalog", "catalog.read"),
    _route("GET /v1/carrier-services", "catalog", "catalog.read"),
    _route("PUT /v1/sourcing-policies/{policy_id}", "catalog", "catalog.write"),
    _route("GET /v1/sourcing-policies/{policy_id}", "catalog", "catalog.read"),
    _route("GET /v1/sourcing-policies/{policy_id}/versions", "catalog", "catalog.read"),
    _route("GET /v1/sourcing-policies", "catalog", "catalog.read"),
    _route("POST /v1/nodes/{node_id}/switch", "catalog", "fulfillments.write"),
    _route("PUT /v1/staff/{caller}", "catalog", "catalog.write"),
    _route("GET /v1/staff/{caller}", "catalog", "catalog.read"),
    _route("GET /v1/availability", "promising", "inventory.read"),
    _route("GET /v1/pickup-places", "promising", "inventory.read"),
    _route("POST /v1/promises", "promising", "orders.write"),
    _route("POST /v1/promises/simulate", "promising", "inventory.read"),
    _route("POST /v1/sourcing-policies/simulate", "promising", "orders.read"),
    _route("PUT /v1/capacities/{resource}", "promising", "inventory.write"),
    _route("GET /v1/capacities/{resource}", "promising", "inventory.read"),
    _route("POST /v1/inventory/movements", "inventory", "inventory.write"),
    _route("POST /v1/reservations", "reservations", "inventory.write"),
    _route("GET /v1/reservations/{reservation_id}", "reservations", "inventory.read"),
    _route("POST /v1/reservations/{reservation_id}/extend", "reservations", "inventory.write"),
    _route("POST /v1/reservations/{reservation_id}/release", "reservations", "inventory.write"),
    _route("PUT /v1/inventory/{sku}/nodes/{node_id}", "inventory", "inventory.write"),
    _route("GET /v1/inventory/{sku}", "inventory", "inventory.read"),
    _route("GET /v1/inventory/{sku}/movements", "inventory", "inventory.read"),
    _route("PUT /v1/inventory/{sku}/policy", "selling", "inventory.write"),
    _route("GET /v1/inventory/{sku}/policy", "selling", "inventory.read"),
    _route("GET /v1/inventory/{sku}/backorders", "selling", "inventory.read"),
    _route("PUT /v1/inventory/{sku}/shares", "allocations", "inventory.write"),
    _route("GET /v1/inventory/{sku}/shares", "allocations", "inventory.read"),
    _route("GET /v1/inventory/{sku}/borrows", "allocations", "inventory.read"),
    _route("POST /v1/purchase-orders", "purchasing", "inventory.write"),
    _route("GET /v1/purchase-orders", "purchasing", "inventory.read"),
    _route(f"GET {_PURCHASE_ORDER}", "purchasing", "inventory.read"),
    _route(f"POST {_PURCHASE_ORDER}/approve", "purchasing", "inventory.write"),
    _route(f"POST {_PURCHASE_ORDER}/send", "purchasing", "inventory.write"),
    _route(f"POST {_PURCHASE_ORDER}/confirm", "purchasing", "inventory.write"),
    _route(f"POST {_PURCHASE_ORDER}/close", "purchasing", "inventory.write"),
    _route(f"POST {_PURCHASE_ORDER}/cancel", "purchasing", "inventory.write"),
    _route(f"POST {_PURCHASE_ORDER}/reject", "purchasing", "inventory.write"),
    _route(f"POST {_PURCHASE_ORDER}/shipping-notices", "purchasing", "inventory.write"),
    _route(f"POST {_SHIPPING_NOTICE}/close", "purchasing", "inventory.write"),
    _route(f"PUT {_SHIPPING_NOTICE}/due", "purchasing", "inventory.write"),
    _route(f"PUT {_PURCHASE_ORDER}/lines/{{sku}}/due", "purchasing", "inventory.write"),
    _route("GET /v1/replenishment", "purchasing", "inventory.read"),
    _route(f"PUT {_REPLENISHMENT}", "purchasing", "inventory.write"),
    _route(f"GET {_REPLENISHMENT}", "purchasing", "inventory.read"),
    _route("POST /v1/nodes/{node_id}/picklists", "fulfillment", "fulfillments.write"),
    _route("GET /v1/nodes/{node_id}/picklists", "fulfillment", "fulfillments.read"),
    _route("GET /v1/picklists/{picklist_id}", "fulfillment", "fulfillments.read"),
    _route("POST /v1/picklists/{picklist_id}/assign", "fulfillment", "fulfillments.write"),
    _route("POST /v1/picklists/{picklist_id}/picked", "fulfillment", "fulfillments.write"),
    _route("POST /v1/picklists/{picklist_id}/cancel", "fulfillment", "fulfillments.write"),
    _route("GET /v1/fulfillments", "fulfillment", "fulfillments.read"),
    _route(f"GET {_FULFILLMENT}", "fulfillment", "fulfillments.read"),
    _route(f"POST {_FULFILLMENT}/accept", "fulfillment", "fulfillments.write"),
    _route(f"POST {_FULFILLMENT}/pick", "fulfillment", "fulfillments.write"),
    _route(f"POST {_FULFILLMENT}/pack", "fulfillment", "fulfillments.write"),
    _route(f"POST {_FULFILLMENT}/ship", "fulfillment", "fulfillments.write"),
    _route(f"POST {_FULFILLMENT}/deliver", "fulfillment", "fulfillments.write"),
    _route(f"POST {_FULFILLMENT}/reject", "fulfillment", "fulfillments.write"),
    _route(f"POST {_FULFILLMENT}/split", "fulfillment", "fulfillments.write"),
    _route(f"POST {_FULFILLMENT}/merge", "fulfillment", "fulfillments.write"),
    _route(f"POST {_FULFILLMENT}/move", "fulfillment", "fulfillments.write"),
    _route(f"GET {_FULFILLMENT}/mergeable", "fulfillment", "fulfillments.read"),
    _route("POST /v1/shipments", "fulfillment", "fulfillments.write"),
    _route("GET /v1/shipments/{shipment_id}", "fulfillment", "fulfillments.read"),
    _route("GET /v1/nodes/{node_id}/count-tasks", "fulfillment", "fulfillments.read"),
    _route(f"POST {_FULFILLMENT}/ready", "pickup", "fulfillments.write"),
    _route(f"POST {_FULFILLMENT}/arrive", "pickup", "fulfillments.write"),
    _route(f"POST {_FULFILLMENT}/hand-over", "pickup", "fulfillments.write"),
    _route(f"POST {_FULFILLMENT}/counter-change", "pickup", "fulfillments.write"),
    _route("POST /v1/accounts", "accounts", "accounts.write"),
    _route("GET /v1/accounts", "accounts", "accounts.read"),
    _route(f"GET {_ACCOUNT}", "accounts", "accounts.read"),
    _route(f"GET {_ACCOUNT}/entries", "accounts", "accounts.read"),
    _route(f"GET {_ACCOUNT}/invoices", "accounts", "accounts.read"),
    _route(f"PUT {_ACCOUNT}/terms", "accounts", "accounts.write"),
    _route(f"POST {_ACCOUNT}/top-ups", "accounts", "accounts.write"),
    _route(f"POST {_ACCOUNT}/adjustments", "accounts", "accounts.write"),
    _route(f"POST {_ACCOUNT}/expire", "accounts", "accounts.write"),
    _route(f"POST {_ACCOUNT}/payments", "accounts", "accounts.write"),
    _route(f"POST {_ACCOUNT}/block", "accounts", "accounts.write"),
    _route(f"POST {_ACCOUNT}/unblock", "accounts", "accounts.write"),
    _route(f"POST {_ACCOUNT}/close", "accounts", "accounts.write"),
    _route("POST /v1/gift-cards/lookup", "accounts", "accounts.read"),
    _route(f"GET {_FULFILLMENT}/parcels", "parcels", "fulfillments.read"),
    _route(f"POST {_FULFILLMENT}/label", "parcels", "fulfillments.write"),
    _route(f"GET {_FULFILLMENT}/label", "parcels", "fulfillments.read"),
    _route(f"POST {_FULFILLMENT}/label/cancel", "parcels", "fulfillments.write"),
    _route(f"GET {_FULFILLMENT}/packing-slip", "parcels", "fulfillments.read"),
    _route(f"GET {_FULFILLMENT}/tracking", "parcels", "fulfillments.read"),
    _route(f"POST {_REFUNDS}/suggest", "payments", "orders.read"),
    _route(f"POST {_REFUNDS}", "payments", "orders.write"),
    _route(f"GET {_REFUNDS}", "payments", "orders.read"),
    _route(f"POST {_REFUNDS}/{{refund_id}}/retry", "payments", "orders.write"),
    _route(f"POST {_REFUNDS}/{{refund_id}}/settle", "payments", "orders.write"),
    _route("GET /v1/refunds", "payments", "orders.read"),
    _route("GET /v1/orders/{order_id}/payments", "payments", "orders.read"),
    _route("POST /v1/orders/{order_id}/payments", "payments", "orders.write"),
    _route(f"POST {_PAYMENT}/capture", "payments", "orders.write"),
    _route(f"POST {_PAYMENT}/void", "payments", "orders.write"),
    _route(f"POST {_PAYMENT}/receipts", "payments", "orders.write"),
    _route("POST /v1/orders/{order_id}/returns", "returns", "orders.write"),
    _route("GET /v1/orders/{order_id}/returns", "returns", "orders.read"),
    _route("POST /v1/returns", "returns", "orders.write"),
    _route("GET /v1/returns", "returns", "orders.read"),
    _route(f"GET {_RETURN}", "returns", "orders.read"),
    _route(f"POST {_RETURN}/approve", "returns", "orders.write"),
    _route(f"POST {_RETURN}/reject", "returns", "orders.write"),
    _route(f"POST {_RETURN}/cancel", "returns", "orders.write"),
    _route(f"POST {_RETURN}/label", "returns", "orders.write"),
    _route(f"GET {_RETURN}/label", "returns", "orders.read"),
    _route(f"POST {_RETURN}/receive", "returns", "fulfillments.write"),
    _route(f"POST {_RETURN}/inspect", "returns", "fulfillments.write"),
    _route(f"POST {_RETURN}/resolve", "returns", "orders.write"),
    _route("POST /v1/orders/{order_id}/claims", "returns", "orders.write"),
    _route(f"PUT {_RETURN}/exchange", "returns", "orders.write"),
    _route(f"POST {_RETURN}/exchange/confirm", "returns", "orders.write"),
    _route(f"POST {_FULFILLMENT}/bring-back", "returns", "fulfillments.write"),
    _route(f"PUT {_RETURN_POLICY}", "returns", "catalog.write"),
    _route(f"GET {_RETURN_POLICY}", "returns", "catalog.read"),
    _route(f"GET {_RETURN_POLICY}/versions", "returns", "catalog.read"),
    _route("POST /v1/nodes/{node_id}/manifests", "parcels", "fulfillments.write"),
    _route("GET /v1/nodes/{node_id}/manifests/{manifest_id}", "parcels", "fulfillments.read"),
    _route("POST /v1/settlements", "reports", "settlements.write"),
    _route("GET /v1/settlements", "reports", "settlements.read"),
    _route(f"GET {_SETTLEMENT}", "reports", "settlements.read"),
    _route(f"GET {_SETTLEMENT}/differences", "reports", "settlements.read"),
    _route(f"POST {_SETTLEMENT}/differences/{{number}}/resolve", "reports", "settlements.write"),
    _route("GET /v1/reports/payments", "reports", "settlements.read"),
    _route("GET /v1/reports/returns", "reports", "reports.read"),
    _route("PUT /v1/reports/returns/settings", "reports", "reports.write"),
    _route("GET /v1/reports/returns/settings", "reports", "reports.read"),
)
