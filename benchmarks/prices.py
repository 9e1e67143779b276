"""What an order's work costs at AWS's list prices.

US East (N. Virginia), on demand, first tier, free tier and discounts left aside, in US dollars.
As on the services' pricing pages in March 2026: AWS Lambda (Arm), Amazon DynamoDB (on-demand,
standard table class, as halved in November 2024), AWS Step Functions (standard workflows),
Amazon SQS (standard queues), Amazon EventBridge (custom events), Amazon API Gateway (HTTP APIs),
Amazon SES (outbound e-mail).

Not in it, because it depends on how a deployment is set up and not on the order: storage and
backups, logs, metrics, traces and alarms, data transfer, and the polling of empty queues.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

DATE = "2026-03"
REGION = "us-east-1"

MILLION = 1_000_000


@dataclass(frozen=True, slots=True)
class Price:
    """Dollars for a million ``unit``."""

    service: str
    unit: str
    dollars: Decimal


WRITES = Price("DynamoDB", "write units", Decimal("0.625"))
READS = Price("DynamoDB", "read units", Decimal("0.125"))
REQUESTS = Price("Lambda", "requests", Decimal("0.20"))
GB_SECONDS = Price("Lambda", "GB-seconds", Decimal("13.3334"))
TRANSITIONS = Price("Step Functions", "state transitions", Decimal("25.00"))
QUEUE_REQUESTS = Price("SQS", "requests", Decimal("0.40"))
BUS_EVENTS = Price("EventBridge", "events", Decimal("1.00"))
API_CALLS = Price("API Gateway", "HTTP requests", Decimal("1.00"))
MAILS = Price("SES", "e-mails", Decimal("100.00"))

# Sent by the bus, received by Lambda's poller, deleted: each message by itself, at worst.
REQUESTS_PER_MESSAGE = 3


@dataclass(frozen=True, slots=True)
class Work:
    """Of one order."""

    write_units: float
    read_units: float
    invocations: int
    gb_seconds: float
    transitions: int
    messages: int
    bus_events: int
    api_calls: int
    mails: int


@dataclass(frozen=True, slots=True)
class Line:
    """``dollars`` are for a million orders of ``amount`` each."""

    price: Price
    amount: float
    dollars: Decimal


def bill(work: Work) -> tuple[Line, ...]:
    return (
        _line(WRITES, work.write_units),
        _line(READS, work.read_units),
        _line(REQUESTS, work.invocations),
        _line(GB_SECONDS, work.gb_seconds),
        _line(TRANSITIONS, work.transitions),
        _line(QUEUE_REQUESTS, work.messages * REQUESTS_PER_MESSAGE),
        _line(BUS_EVENTS, work.bus_events),
        _line(API_CALLS, work.api_calls),
        _line(MAILS, work.mails),
    )


def total(lines: Sequence[Line]) -> Decimal:
    return sum((line.dollars for line in lines), Decimal())


def _line(price: Price, amount: float) -> Line:
    dollars = price.dollars * Decimal(str(amount))
    return Line(price, amount, dollars.quantize(Decimal("0.01")))
