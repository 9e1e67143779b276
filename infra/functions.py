"""Every function: what it is for and what it may touch. The stacks read it from here.

Grants are single DynamoDB actions on single tables; ``transact_write_items`` needs the actions of
its items and none of its own. What a function may do beyond tables and secrets (queues, the bus,
the state machine, mail) is granted where the service stack wires it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

APPEND_ORDER = ("PutItem", "Query")
CHECK_ORDER = ("BatchGetItem", "GetItem")
MOVE_STOCK = ("PutItem", "UpdateItem")
MOVE_MONEY = ("PutItem", "UpdateItem", "DeleteItem", "GetItem")
SETTLE_INVOICES = (*MOVE_MONEY, "BatchGetItem", "Query")

WEBHOOK_SOURCES = (
    "standard",
    "shopify",
    "simulator",
    "carrier",
    "stripe",
    "adyen",
    "paypal",
    "mercadopago",
)


@dataclass(frozen=True, slots=True)
class FunctionPlan:
    """``name`` is the folder under functions/, ``timeout`` is in seconds, ``memory`` in MB.

    ``tables`` says which actions on which table, ``indexes`` which indexes of it may be queried;
    each table's name is in the variable ``<TABLE>_TABLE``. ``secrets`` may be read; each one's ARN
    is in the variable ``<SECRET>_SECRET``.
    """

    name: str
    purpose: str
    timeout: int
    memory: int = 512
    tables: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    indexes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    secrets: tuple[str, ...] = ()


# An API Gateway integration gives up after 30 s; a person gave up long before.
_API = 10
_TASK = 30
_QUEUE = 30

FUNCTIONS = (
    FunctionPlan("docs", "API: the OpenAPI document, a page to try it out, health", _API),
    FunctionPlan(
        "orders",
        "API: capture, find, read and cancel orders",
        _API,
        tables={
            "orders": APPEND_ORDER,
            "catalog": (*CHECK_ORDER, "Query"),
            "inventory": (*MOVE_STOCK, "DeleteItem", *CHECK_ORDER, "Query"),
        },
        indexes={"orders": ("by_channel", "by_customer"), "views": ("waiting",)},
        secrets=("gift_card",),
    ),
    FunctionPlan(
        "payments",
        "API: refunds of orders, and their payments",
        _API,
        tables={
            "orders": APPEND_ORDER,
            "inventory": (*MOVE_STOCK, "DeleteItem", "GetItem", "Query"),
        },
        indexes={"views": ("waiting",)},
        secrets=("gift_card",),
    ),
    FunctionPlan(
        "catalog",
        "API: items, nodes and channels",
        _API,
        tables={
            "catalog": (
                "PutItem",
                "DeleteItem",
                "ConditionCheckItem",
                "GetItem",
                "BatchGetItem",
                "Query",
            ),
            "inventory": ("BatchGetItem", "Query"),
        },
        secrets=("callback",),
    ),
    FunctionPlan(
        "inventory",
        "API: stock movements and balances",
        _API,
        tables={
            "inventory": (*MOVE_STOCK, "DeleteItem", "GetItem", "Query"),
            "catalog": ("BatchGetItem", "Query"),
        },
    ),
    FunctionPlan(
        "purchasing",
        "API: purchase orders, and what is on its way with them",
        _API,
        tables={
            "inventory": (*MOVE_STOCK, "DeleteItem", "GetItem", "Query"),
            "catalog": ("BatchGetItem", "GetItem", "Query"),
            "orders": (*APPEND_ORDER, "ConditionCheckItem"),
        },
    ),
    FunctionPlan(
        "selling",
        "API: how far items are sold beyond what is there, and who waits for them",
        _API,
        tables={
            "inventory": ("PutItem", "GetItem", "Query"),
            "catalog": ("BatchGetItem", "GetItem", "Query"),
        },
    ),
    FunctionPlan(
        "reservations",
        "API: units held for a basket until a moment",
        _API,
        tables={
            "inventory": (*MOVE_STOCK, "DeleteItem", "GetItem", "Query"),
            "catalog": ("BatchGetItem", "GetItem", "Query"),
        },
    ),
    FunctionPlan(
        "allocations",
        "API: which channel may have how much of an item",
        _API,
        tables={
            "inventory": ("PutItem", "DeleteItem", "Query"),
            "catalog": ("BatchGetItem", "GetItem"),
        },
    ),
    FunctionPlan(
        "promising",
        "API: availability, promises, what-if, capacity; sourcing policies simulated",
        _API,
        memory=1024,
        tables={
            "inventory": ("PutItem", "UpdateItem", "GetItem", "Query"),
            "catalog": ("BatchGetItem", "GetItem", "Query"),
            "orders": ("Query",),
        },
        indexes={"orders": ("by_channel",)},
    ),
    FunctionPlan(
        "fulfillment",
        "API: the work of stores and warehouses",
        _API,
        tables={
            "orders": APPEND_ORDER,
            "inventory": (*MOVE_STOCK, "DeleteItem", *CHECK_ORDER, "Query"),
            "catalog": (*CHECK_ORDER, "Query"),
            "work": ("PutItem", "DeleteItem", *CHECK_ORDER, "Query"),
        },
        indexes={"orders": ("by_customer",), "views": ("waiting",)},
    ),
    FunctionPlan(
        "parcels",
        "API: parcels, labels, packing slips, tracking, manifests",
        _API,
        tables={
            "orders": ("Query",),
            "catalog": (*CHECK_ORDER, "Query"),
            "work": ("PutItem", "DeleteItem", "GetItem", "Query"),
        },
    ),
    FunctionPlan(
        "pickup",
        "API: a store's counter: ready, handed over against a code, changed",
        _API,
        tables={
            "orders": APPEND_ORDER,
            "inventory": (*MOVE_STOCK, "DeleteItem", "GetItem", "Query"),
            "catalog": ("BatchGetItem", "GetItem", "Query"),
            "work": ("PutItem", "UpdateItem", "DeleteItem", "GetItem"),
        },
        secrets=("pickup",),
    ),
    FunctionPlan(
        "accounts",
        "API: gift cards, store credit, what companies owe on terms",
        _API,
        tables={"accounts": SETTLE_INVOICES},
        secrets=("gift_card",),
    ),
    FunctionPlan(
        "returns",
        "API: returns, from asking for one to the money for it, and their policies",
        _API,
        tables={
            "orders": APPEND_ORDER,
            "inventory": (*MOVE_STOCK, "DeleteItem", "GetItem", "Query"),
            "catalog": ("PutItem", "BatchGetItem", "GetItem", "Query"),
            "work": ("PutItem", "GetItem"),
            # Goods without a receipt are paid for in store credit.
            "accounts": ("PutItem", "GetItem"),
        },
        indexes={"views": ("waiting",)},
        secrets=("gift_card",),
    ),
    FunctionPlan(
        "reports",
        "API: settlement files compared with what we believe; how much comes back",
        # It takes the largest requests, and machines send them.
        28,
        memory=1024,
        tables={"views": ("PutItem", "UpdateItem", "GetItem", "BatchGetItem", "Query")},
        indexes={"views": ("waiting",)},
    ),
    FunctionPlan(
        "webhooks",
        "API: verifies a webhook's signature and queues it",
        _API,
        secrets=("gift_card",),
    ),
    FunctionPlan(
        "inbox",
        "Queue: turns verified webhooks into commands",
        _QUEUE,
        tables={
            "orders": APPEND_ORDER,
            "catalog": CHECK_ORDER,
            "work": ("PutItem", "GetItem", "Query"),
        },
        secrets=("mercadopago",),
    ),
    FunctionPlan("relay", "Streams: publishes what happened on the event bus", _QUEUE),
    FunctionPlan(
        "lifecycle",
        "Queues: starts an order's execution and wakes it up",
        _QUEUE,
        tables={
            "orders": ("GetItem", "Query"),
            "inventory": ("BatchGetItem", "Query"),
            "catalog": ("Query",),
        },
    ),
    FunctionPlan(
        "sourcing",
        "Task: chooses nodes and reserves stock, and gives it back",
        _TASK,
        tables={
            "orders": APPEND_ORDER,
            "inventory": (*MOVE_STOCK, "DeleteItem", *CHECK_ORDER, "Query"),
            "catalog": ("BatchGetItem", "Query"),
        },
    ),
    FunctionPlan(
        "payment",
        "Task: authorises, captures and cancels payments",
        _TASK,
        tables={"orders": APPEND_ORDER, "accounts": MOVE_MONEY},
        secrets=("stripe",),
    ),
    FunctionPlan(
        "release",
        "Task: gives the order to its nodes, and takes it back",
        _TASK,
        tables={"orders": APPEND_ORDER, "inventory": ("UpdateItem",)},
    ),
    FunctionPlan(
        "supervision",
        "Task: records what an order waits for, and raises what needs a person",
        _TASK,
        tables={
            "orders": APPEND_ORDER,
            "inventory": ("BatchGetItem", "Query"),
            "catalog": ("BatchGetItem", "Query"),
        },
    ),
    FunctionPlan(
        "notifications",
        "Queue: mails the customer",
        _QUEUE,
        tables={
            "orders": ("Query",),
            "views": ("PutItem", "UpdateItem", "DeleteItem"),
            "catalog": ("Query",),
        },
        secrets=("pickup",),
    ),
    FunctionPlan(
        "callbacks",
        "Queue: tells channels what happened to their orders, suppliers what is ordered",
        _QUEUE,
        tables={"orders": ("Query",), "inventory": ("GetItem",), "catalog": ("GetItem", "Query")},
        secrets=("callback",),
    ),
    FunctionPlan(
        "availability",
        "Queue: tells channels what they may sell, when that changes",
        _QUEUE,
        tables={
            "inventory": ("PutItem", "UpdateItem", "GetItem", "Query"),
            "catalog": ("BatchGetItem", "GetItem", "Query"),
        },
        secrets=("callback",),
    ),
    FunctionPlan(
        "refunds",
        "Queue: executes refunds at the payment provider",
        _QUEUE,
        tables={"orders": APPEND_ORDER, "accounts": SETTLE_INVOICES},
        secrets=("stripe",),
    ),
    FunctionPlan(
        "jeopardy",
        "Queue: finds promises that break, tells their orders, gives back what they took",
        _QUEUE,
        tables={
            "orders": APPEND_ORDER,
            "inventory": (*MOVE_STOCK, "DeleteItem", "GetItem", "Query"),
            "catalog": ("BatchGetItem", "Query"),
        },
    ),
    FunctionPlan(
        "rerouting",
        "Queue: routes again what no node has of released orders",
        _QUEUE,
        tables={
            "orders": APPEND_ORDER,
            "inventory": (*MOVE_STOCK, "DeleteItem", *CHECK_ORDER, "Query"),
            "catalog": ("BatchGetItem", "Query"),
        },
    ),
    FunctionPlan(
        "projections",
        "Queue: keeps the read models",
        _QUEUE,
        # Orders: that a return rate is high is put where events are published from.
        tables={
            "views": (
                "PutItem",
                "BatchWriteItem",
                "UpdateItem",
                "DeleteItem",
                "GetItem",
                "Query",
            ),
            "orders": ("PutItem", "Query"),
        },
    ),
    FunctionPlan(
        "replenishment",
        "Schedule and queue: suggests purchase orders, makes those of drop-shipping, tells what is"
        " late or sold out",
        _QUEUE,
        tables={
            "inventory": (*MOVE_STOCK, "DeleteItem", "GetItem", "Query"),
            "orders": ("ConditionCheckItem", "Query"),
        },
    ),
    FunctionPlan(
        "clock",
        "Schedule: every minute, ends reservations and pickups that expired, measures what waits",
        _QUEUE,
        tables={
            "orders": APPEND_ORDER,
            "catalog": ("Query",),
            "inventory": (*MOVE_STOCK, "DeleteItem", *CHECK_ORDER, "Query"),
            "work": ("DeleteItem", "PutItem", "Query"),
        },
        indexes={"views": ("waiting",), "inventory": ("expiring",)},
    ),
)
