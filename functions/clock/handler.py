"""Every minute: ends the reservations that expired; tells who waits for a node that it takes work
again; measures what waits, and for how long; puts back what nobody collected in time; charges
what was exchanged in advance and did not come."""

from typing import Any

from aws_lambda_powertools.metrics import MetricUnit, single_metric

from oms.aws import stores
from oms.aws.observability import NAMESPACE, logger, observed
from oms.fulfillment.pickup import Counter, expire_overdue
from oms.inventory.reservations import sweep
from oms.kernel.clock import utc_now
from oms.kernel.events import Cause
from oms.orders.openings import tell_of_open_nodes
from oms.reporting.gauges import read_gauges
from oms.reporting.waiting import HELD_UP, work_of
from oms.returns import unreturned

PUT_BACK_AT_ONCE = 50
CHARGED_AT_ONCE = 50


def tick(event: dict[str, Any], context: Any) -> None:
    ended = sweep(stores.reservations(), utc_now())
    logger.info("reservations", expired=ended)
    told = tell_of_open_nodes(stores.capacity(), stores.catalog(), utc_now())
    logger.info("nodes", skus_told_of=told)
    measure()
    try:
        put_back_uncollected()
    finally:
        charge_unreturned()


def charge_unreturned() -> None:
    cause = Cause(utc_now(), "clock", "not_returned")
    charged = unreturned.charge_unreturned(
        stores.orders(), stores.expected_returns(), cause, CHARGED_AT_ONCE
    )
    logger.info("exchanges", charged=charged)


def put_back_uncollected() -> None:
    """Last: what cannot be put back fails the function, and nothing else waits for it."""
    counter = Counter(stores.orders(), stores.stock(), stores.pickups())
    cause = Cause(utc_now(), "clock", "not_collected")
    expired = expire_overdue(counter, cause, PUT_BACK_AT_ONCE)
    logger.info("pickups", put_back=expired)


def measure() -> None:
    lists = [HELD_UP, *(work_of(node.id) for node in stores.catalog().nodes())]
    gauges = read_gauges(lists, stores.views(), utc_now())
    logger.info("waiting", orders=gauges.waiting, oldest_seconds=gauges.oldest_seconds)
    for state, number in gauges.waiting.items():
        with single_metric(
            name="OrdersWaiting", unit=MetricUnit.Count, value=number, namespace=NAMESPACE
        ) as metric:
            metric.add_dimension("state", state)
    with single_metric(
        name="OldestWaitingSeconds",
        unit=MetricUnit.Seconds,
        value=gauges.oldest_seconds,
        namespace=NAMESPACE,
    ):
        pass


handler = observed(tick)
