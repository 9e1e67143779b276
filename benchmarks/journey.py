"""The happy path: an order of two lines, paid by card, from capture to the doorstep."""

from benchmarks.system import System, eventually

NODE = "bench-dc"
UNITS_IN_STOCK = 100_000
LINES = 2
STEPS = {
    "accept": "fulfillment_accepted",
    "pick": "fulfillment_picked",
    "pack": "fulfillment_packed",
    "ship": "fulfillment_shipped",
    "deliver": "fulfillment_delivered",
}
TOTAL = "174.70"

SHIPMENT = {"carrier": "Correios", "tracking_number": "BR123456789"}


def stock_up(system: System, delivery: str) -> None:
    """The channel, the node, two items, and a delivery of both; what is there already stays."""
    system.call("PUT", "/v1/channels/web", {"name": "Web shop", "currencies": ["BRL"]})
    system.call(
        "PUT",
        f"/v1/nodes/{NODE}",
        {
            "name": "CD Cajamar",
            "kind": "warehouse",
            "country": "BR",
            "region": "SP",
            "city": "Cajamar",
            "latitude": -23.35,
            "longitude": -46.88,
        },
    )
    for sku, name in (("MUG", "Caneca"), ("TEE", "Camiseta")):
        system.call("PUT", f"/v1/items/{sku}", {"name": name})
        system.call(
            "POST",
            "/v1/inventory/movements",
            {
                "id": f"{delivery}-{sku}",
                "kind": "receipt",
                "sku": sku,
                "node": NODE,
                "quantity": UNITS_IN_STOCK,
            },
        )


def document(number: str) -> dict[str, object]:
    """The order as the web shop posts it."""
    return {
        "channel": "web",
        "channel_order_id": number,
        "currency": "BRL",
        "customer": {
            "id": "c-1001",
            "name": "Ana Souza",
            "email": "ana@example.com",
            "locale": "pt-BR",
            "tax_id": "529.982.247-25",
        },
        "shipping_address": {
            "name": "Ana Souza",
            "line1": "Av. Paulista 1000",
            "city": "São Paulo",
            "region": "SP",
            "postal_code": "01310-100",
            "country": "BR",
            "latitude": -23.56,
            "longitude": -46.65,
        },
        "lines": [
            {"sku": "MUG", "quantity": 2, "unit_price": "39.90"},
            {"sku": "TEE", "quantity": 1, "unit_price": "79.90"},
        ],
        "shipping": "15.00",
        "total": TOTAL,
        "payment": {"method": "card", "provider": "simulator", "token": "4242424242424242"},
    }


def place(system: System, number: str) -> str:
    """The order's id; what follows goes on by itself."""
    return str(system.call("POST", "/v1/orders", document(number))["id"])


def fulfil(system: System, order_id: str) -> None:
    """Once the node has its work, do it, and wait for the end of the order's execution.

    People work slower than queues do: a step has had all its consequences before the next one, and
    no two messages share an invocation. Needs the probe.
    """
    eventually(lambda: waits_for_the_node(system, order_id))
    for step, event in STEPS.items():
        system.wait_until_quiet(0.2)
        advance(system, order_id, step)
        _wait_until_published(system, event)
    eventually(lambda: is_completed(system, order_id))


def _wait_until_published(system: System, event: str) -> None:
    eventually(lambda: any(event in one.published for one in system.invocations()))


def advance(system: System, order_id: str, step: str) -> None:
    """One of ``STEPS`` of the order's only fulfilment."""
    work = f"{order_id.replace('ord_', 'ful_')}_1"
    shipment = SHIPMENT if step == "ship" else None
    system.call("POST", f"/v1/fulfillments/{work}/{step}", shipment)


def transitions(system: System, order_id: str) -> int:
    """What Step Functions bills: each state entered, each retry, and the start."""
    pages = system.executions.get_paginator("get_execution_history").paginate(
        executionArn=_execution(system, order_id)
    )
    types = [event["type"] for page in pages for event in page["events"]]
    entered = sum(each.endswith("StateEntered") for each in types)
    attempts, tasks = types.count("TaskScheduled"), types.count("TaskStateEntered")
    return 1 + entered + max(0, attempts - tasks)


def waits_for_the_node(system: System, order_id: str) -> bool:
    """Its lifecycle has left the token with which the last delivery wakes it."""
    key = {"pk": {"S": order_id}, "sk": {"S": "await"}}
    found = system.dynamodb.get_item(TableName=system.deployment.orders_table, Key=key)
    return "Item" in found


def is_completed(system: System, order_id: str) -> bool:
    status = system.executions.describe_execution(executionArn=_execution(system, order_id))[
        "status"
    ]
    if status not in ("RUNNING", "SUCCEEDED"):
        raise RuntimeError(f"the lifecycle of {order_id} ended as {status}")
    return status == "SUCCEEDED"


def _execution(system: System, order_id: str) -> str:
    machine = system.deployment.state_machine_arn
    return f"{machine.replace(':stateMachine:', ':execution:')}:{order_id}"
