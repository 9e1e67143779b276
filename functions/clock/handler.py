"""Every minute: measures what waits, at the nodes and elsewhere, and for how long."""

from typing import Any

from aws_lambda_powertools.metrics import MetricUnit, single_metric

from oms.aws import stores
from oms.aws.observability import NAMESPACE, logger, observed
from oms.kernel.clock import utc_now
from oms.reporting.gauges import read_gauges
from oms.reporting.waiting import HELD_UP, work_of


def measure(event: dict[str, Any], context: Any) -> None:
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


handler = observed(measure)
