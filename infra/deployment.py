"""What differs from one deployment to the next. Everything else is in the stacks.

Each value can be set with ``cdk … -c name=value``:

============================= ============================================= ================
name                          meaning                                       default
============================= ============================================= ================
``target``                    ``aws`` or ``local`` (the local engine)       ``aws``
``name``                      prefix of the stacks' names                   ``Oms``
``sender_email``              who mails come from: an identity SES verified   an example's
``stripe_api_base``           address of the Stripe API, for tests          Stripe's own
``paypal_api_base``           where PayPal's certificates are, for tests    PayPal's own
``mercadopago_api_base``      address of Mercado Pago's API, for tests      Mercado Pago's own
``await_stock_seconds``       how long a backorder waits for stock          210 days
``await_payment_seconds``     how long a pending payment may take           see below
``await_fulfillment_seconds`` how long nodes and carriers may take          14 days
``max_escalations``           overdue notices before a person must decide   4
``retry_after_seconds``       pause before a failed message is tried again  see below
============================= ============================================= ================

On AWS a pending payment waits as long as the provider said, and a failed message returns after six
times its consumer's timeout. The local engine evaluates no expression in a wait's timeout and would
make tests wait, so there both are plain numbers: 1 day and 15 s.
"""

import platform
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from aws_cdk import RemovalPolicy
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Node

ROOT = Path(__file__).resolve().parent.parent
Target = Literal["aws", "local"]
DAY = 24 * 60 * 60
# A month more than promises reach (``oms.promising.asking.HORIZON``): whoever was promised what is
# still to come waits for it, and a little longer when it slips.
STOCK_WAIT = 210 * DAY


@dataclass(frozen=True, slots=True)
class Waits:
    """Seconds that the order's lifecycle waits; ``payment`` None means: as the provider says."""

    stock: int
    payment: int | None
    fulfillment: int
    max_escalations: int


@dataclass(frozen=True, slots=True)
class Deployment:
    """``root`` holds ``functions/`` and ``layers/``; ``dependencies`` is a built layer."""

    target: Target
    name: str
    root: Path
    dependencies: Path
    sender_email: str
    stripe_api_base: str | None
    paypal_api_base: str | None
    mercadopago_api_base: str | None
    waits: Waits
    retry_after_seconds: int | None

    @property
    def is_local(self) -> bool:
        return self.target == "local"

    @property
    def architecture(self) -> lambda_.Architecture:
        """Arm on AWS, where it is cheaper; the engine runs functions on the machine itself."""
        if self.is_local and platform.machine() in {"x86_64", "AMD64"}:
            return lambda_.Architecture.X86_64
        return lambda_.Architecture.ARM_64

    @property
    def keep(self) -> RemovalPolicy:
        """For what nobody can make again: orders, stock, secrets."""
        return RemovalPolicy.DESTROY if self.is_local else RemovalPolicy.RETAIN

    @property
    def log_retention(self) -> logs.RetentionDays:
        return logs.RetentionDays.THREE_DAYS if self.is_local else logs.RetentionDays.ONE_MONTH

    def max_receives(self, planned: int) -> int:
        """Tries before a message is dead; nobody waits for more than three at a laptop."""
        return min(3, planned) if self.is_local else planned

    def timeout_seconds(self, planned: int) -> int:
        """A function must not run longer than its queue hides a message."""
        return min(planned, self.retry_after_seconds or planned)

    def visibility_seconds(self, consumer_timeout: int) -> int:
        """How long a message is hidden while its consumer works on it.

        Six times the consumer's timeout, as Lambda's guide advises: a batch that is throttled is
        retried within that time without another delivery.
        """
        return self.retry_after_seconds or 6 * consumer_timeout


def from_context(node: Node, *, root: Path = ROOT) -> Deployment:
    """Read the deployment from the CDK context. Raises ``ValueError`` for an unknown target."""
    target = _target(node)
    local = target == "local"
    payment = _seconds(node, "await_payment_seconds")
    return Deployment(
        target=target,
        name=node.try_get_context("name") or "Oms",
        root=root,
        dependencies=root / "build" / "layers" / target,
        sender_email=node.try_get_context("sender_email") or "orders@example.com",
        stripe_api_base=node.try_get_context("stripe_api_base"),
        paypal_api_base=node.try_get_context("paypal_api_base"),
        mercadopago_api_base=node.try_get_context("mercadopago_api_base"),
        waits=Waits(
            stock=_seconds(node, "await_stock_seconds") or STOCK_WAIT,
            payment=payment or (DAY if local else None),
            fulfillment=_seconds(node, "await_fulfillment_seconds") or 14 * DAY,
            max_escalations=_seconds(node, "max_escalations") or 4,
        ),
        retry_after_seconds=_seconds(node, "retry_after_seconds") or (15 if local else None),
    )


def _target(node: Node) -> Target:
    match node.try_get_context("target"):
        case None | "aws":
            return "aws"
        case "local":
            return "local"
        case other:
            raise ValueError(f"target must be 'aws' or 'local', not {other!r}")


def _seconds(node: Node, name: str) -> int | None:
    value = node.try_get_context(name)
    return None if value is None else int(value)
