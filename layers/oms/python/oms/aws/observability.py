"""Logs, metrics and traces, set up once and the same way for every function.

Every log line is JSON with the function, the request id, the X-Ray trace id and, once it is known,
the ``correlation_id`` that follows an order across functions. No event and no body is ever logged.

Tracing in depth is off by default: Lambda's own active tracing draws the way of an order through
API, queues, bus and state machine without any code, and the X-Ray SDK alone costs as much to import
as boto3 does. ``POWERTOOLS_TRACE_DISABLED=false`` on a function turns the segments of its AWS calls
on, with nothing to deploy.
"""

import functools
import os
from collections.abc import Callable
from typing import Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit

Handler = Callable[[dict[str, Any], Any], Any]

# Services set their own name: POWERTOOLS_SERVICE_NAME; verbosity: POWERTOOLS_LOG_LEVEL.
logger = Logger(utc=True, use_rfc3339=True, serialize_stacktrace=False)
NAMESPACE = os.environ.get("POWERTOOLS_METRICS_NAMESPACE", "OMS")
metrics = Metrics(namespace=NAMESPACE)


def observed(handler: Handler) -> Handler:
    """Wrap a Lambda handler: its context on every log line, its metrics flushed when it ends."""
    traced = _traced(handler)

    @functools.wraps(handler)
    def observe(event: dict[str, Any], context: Any) -> Any:
        try:
            return traced(event, context)
        finally:
            if metrics.metric_set:
                metrics.flush_metrics()

    wrapped: Handler = logger.inject_lambda_context(observe, clear_state=True)
    return wrapped


def correlate(correlation_id: str) -> None:
    """Put the id on every log line of this invocation from here on."""
    logger.set_correlation_id(correlation_id)


def correlation_id() -> str:
    """The id given to ``correlate`` in this invocation; empty before that."""
    return logger.get_correlation_id() or ""


def count(name: str, value: int = 1) -> None:
    """Add to a counter, published when the invocation ends."""
    metrics.add_metric(name=name, unit=MetricUnit.Count, value=value)


def _traced(handler: Handler) -> Handler:
    if os.environ.get("POWERTOOLS_TRACE_DISABLED", "true").lower() != "false":
        return handler
    from aws_lambda_powertools import Tracer

    # A response may carry personal data; a trace must not.
    traced: Handler = Tracer().capture_lambda_handler(handler, capture_response=False)
    return traced
