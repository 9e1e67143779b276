"""One page that says how the orders are doing."""

from collections.abc import Mapping, Sequence

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_sqs as sqs
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from infra.constructs.alarm import FIVE_MINUTES
from infra.constructs.function import Function
from infra.constructs.queue import WorkQueue

NAMESPACE = "OMS"
WIDTH = 12


class Dashboard(Construct):
    """Business on top, what is stuck below it, the machinery last."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        functions: Mapping[str, Function],
        queues: Mapping[str, WorkQueue],
        dead_letters: Mapping[str, sqs.IQueue],
        machine: sfn.StateMachine,
    ) -> None:
        super().__init__(scope, construct_id)
        dashboard = cloudwatch.Dashboard(self, "Dashboard", default_interval=Duration.hours(6))
        dashboard.add_widgets(
            _graph("Orders that entered each state", [_every("OrdersEntered", "Sum")]),
            _graph("Orders that wait, by state", [_every("OrdersWaiting", "Maximum")]),
        )
        dashboard.add_widgets(
            _graph("Oldest waiting order (s)", [_every("OldestWaitingSeconds", "Maximum")]),
            _graph("Dead letters", _lengths(dead_letters)),
        )
        dashboard.add_widgets(
            _graph(
                "Money that needs somebody",
                [every_refund_failed(), every_capture_not_made(), every_charge_back()],
            ),
            _graph("Return rates that became high", [_every("ReturnRatesHigh", "Sum")]),
        )
        dashboard.add_widgets(
            _graph("Age of the oldest message (s)", _ages(queues)),
            _graph(
                "Executions",
                [
                    machine.metric_started(period=FIVE_MINUTES),
                    machine.metric_succeeded(period=FIVE_MINUTES),
                    machine.metric_failed(period=FIVE_MINUTES),
                ],
            ),
        )
        dashboard.add_widgets(
            _graph("Errors", [_metric(each, "Errors") for each in functions.values()]),
            _graph("Throttles", [_metric(each, "Throttles") for each in functions.values()]),
        )


def every_refund_failed() -> cloudwatch.IMetric:
    """How many refunds were refused, as functions/refunds counts them."""
    return _counted("RefundsFailed", "refunds")


def every_capture_not_made() -> cloudwatch.IMetric:
    """How many captures were not made, as functions/refunds counts them."""
    return _counted("CapturesFailed", "refunds")


def every_charge_back() -> cloudwatch.IMetric:
    """How often a bank took money back, as functions/inbox counts it."""
    return _counted("ChargeBacks", "inbox")


def _counted(name: str, function: str) -> cloudwatch.IMetric:
    return cloudwatch.Metric(
        namespace=NAMESPACE,
        metric_name=name,
        dimensions_map={"service": function},
        statistic="Sum",
        period=FIVE_MINUTES,
    )


def _every(name: str, statistic: str) -> cloudwatch.IMetric:
    """The metric once for each value of its dimensions, whichever there are."""
    return cloudwatch.MathExpression(
        expression=f"SEARCH('Namespace=\"{NAMESPACE}\" MetricName=\"{name}\"', '{statistic}')",
        using_metrics={},
        label="",
        period=FIVE_MINUTES,
    )


def _ages(queues: Mapping[str, WorkQueue]) -> list[cloudwatch.IMetric]:
    return [
        work.queue.metric_approximate_age_of_oldest_message(label=name, period=FIVE_MINUTES)
        for name, work in queues.items()
    ]


def _lengths(queues: Mapping[str, sqs.IQueue]) -> list[cloudwatch.IMetric]:
    return [
        queue.metric_approximate_number_of_messages_visible(label=name, period=FIVE_MINUTES)
        for name, queue in queues.items()
    ]


def _metric(function: Function, name: str) -> cloudwatch.IMetric:
    return function.function.metric(
        name, statistic="Sum", period=FIVE_MINUTES, label=function.node.id
    )


def _graph(title: str, metrics: Sequence[cloudwatch.IMetric]) -> cloudwatch.GraphWidget:
    return cloudwatch.GraphWidget(title=title, left=list(metrics), width=WIDTH)
