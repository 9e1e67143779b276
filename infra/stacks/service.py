"""What can be replaced: functions, what triggers them but the API, alarms, dashboard."""

from email.utils import parseaddr

from aws_cdk import CfnOutput, Stack
from aws_cdk import aws_events as events
from aws_cdk import aws_iam as iam
from aws_cdk import aws_ses as ses
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.constructs import triggers
from infra.constructs.alarm import AlarmTopic
from infra.constructs.dashboard import (
    Dashboard,
    every_capture_not_made,
    every_charge_back,
    every_refund_failed,
)
from infra.constructs.function import Function, layers
from infra.constructs.identity import Identity
from infra.constructs.queue import FailureQueue, WorkQueue
from infra.constructs.state_machine import OrderLifecycle
from infra.deployment import Deployment
from infra.functions import FUNCTIONS, FunctionPlan
from infra.queues import QUEUES, QueuePlan
from infra.stacks.data import DataStack

# The functions that the state machine's definition names.
TASKS = ("sourcing", "payment", "release", "supervision")

# The functions that run on a schedule, and every how many minutes.
SCHEDULED = {"clock": 1, "replenishment": 15}


class ServiceStack(Stack):
    """``functions`` go by the names that infra/functions.py gives them; ``alarms`` is where every
    alarm goes."""

    def __init__(
        self, scope: Construct, construct_id: str, *, data: DataStack, deployment: Deployment
    ) -> None:
        super().__init__(scope, construct_id, description="OMS: functions, lifecycle")
        self._data = data
        self._deployment = deployment
        self.alarms = AlarmTopic(self, "Alarms")
        self._bus = events.EventBus(self, "Bus", description="What happened to orders and stock")
        self._failures = {
            name: FailureQueue(self, f"{name.capitalize()}Failures", of=name, alarms=self.alarms)
            for name in ("relay", *SCHEDULED)
        }
        self.functions = self._make_functions()
        self._queues = {plan.name: self._make_queue(plan) for plan in QUEUES}
        self._lifecycle = OrderLifecycle(
            self,
            "OrderLifecycle",
            tasks={name: self.functions[name] for name in TASKS},
            deployment=deployment,
            alarms=self.alarms,
        )
        self._wire()
        self.alarms.watch(
            self,
            "RefundFailedAlarm",
            every_refund_failed(),
            at_least=1,
            says="A payment provider refused to give a customer's money back.",
            runbook="refund-failed",
        )
        self.alarms.watch(
            self,
            "CaptureFailedAlarm",
            every_capture_not_made(),
            at_least=1,
            says="What is due for parcels that have left could not be taken.",
            runbook="capture-failed",
        )
        self.alarms.watch(
            self,
            "ChargeBackAlarm",
            every_charge_back(),
            at_least=1,
            says="A customer's bank took money back.",
            runbook="charge-back",
        )
        Dashboard(
            self,
            "Overview",
            functions=self.functions,
            queues=self._queues,
            dead_letters=self._dead_letters(),
            machine=self._lifecycle.machine,
        )
        self._report(data.identity)

    def _make_functions(self) -> dict[str, Function]:
        shared = layers(self, self._deployment)
        functions = {
            plan.name: Function(
                self,
                plan,
                deployment=self._deployment,
                shared=shared,
                alarms=self.alarms,
                undelivered=self._failures[plan.name].queue if plan.name in SCHEDULED else None,
            )
            for plan in FUNCTIONS
        }
        for plan in FUNCTIONS:
            self._grant(plan, functions[plan.name])
        return functions

    def _make_queue(self, plan: QueuePlan) -> WorkQueue:
        consumer = self.functions[plan.consumer]
        work = WorkQueue(
            self,
            plan.name,
            consumer_timeout=consumer.timeout,
            max_receives=plan.max_receives,
            ordered=plan.ordered,
            delay=plan.delay,
            deployment=self._deployment,
            alarms=self.alarms,
        )
        triggers.feed_from_queue(
            consumer, work, max_concurrency=plan.max_concurrency, batch_size=plan.batch_size
        )
        if plan.event_types:
            triggers.route(
                self,
                f"To{plan.name.capitalize()}",
                bus=self._bus,
                event_types=plan.event_types,
                to=work,
            )
        if plan.reported_types:
            triggers.route(
                self,
                f"ReportsTo{plan.name.capitalize()}",
                bus=self._bus,
                event_types=plan.reported_types,
                to=work,
                only=triggers.BY_WEBHOOK,
            )
        if plan.promised_types:
            triggers.route(
                self,
                f"PromisedTo{plan.name.capitalize()}",
                bus=self._bus,
                event_types=plan.promised_types,
                to=work,
                only=triggers.WITH_A_PROMISE,
            )
        if plan.drop_ship_types:
            triggers.route(
                self,
                f"DropShippedTo{plan.name.capitalize()}",
                bus=self._bus,
                event_types=plan.drop_ship_types,
                to=work,
                only=triggers.DROP_SHIPPED,
            )
        return work

    def _grant(self, plan: FunctionPlan, function: Function) -> None:
        """What infra/functions.py says: tables, indexes and secrets, with their variables."""
        for name, actions in plan.tables.items():
            arn = self._data.tables[name].table_arn
            function.allow([f"dynamodb:{action}" for action in actions], [arn])
        for name, indexes in plan.indexes.items():
            arn = self._data.tables[name].table_arn
            function.allow(["dynamodb:Query"], [f"{arn}/index/{index}" for index in indexes])
        for name in {**plan.tables, **plan.indexes}:
            function.tell(f"{name.upper()}_TABLE", self._data.tables[name].table_name)
        for name in plan.secrets:
            arn = self._data.secrets[name].secret_arn
            function.allow(["secretsmanager:GetSecretValue"], [arn])
            function.tell(f"{name.upper()}_SECRET", arn)

    def _wire(self) -> None:
        """What functions may do beyond tables and secrets, and what triggers them but queues."""
        self._wire_webhooks()
        self._wire_relay()
        self._wire_availability()
        self._wire_lifecycle()
        self._wire_the_outside()
        for name, minutes in SCHEDULED.items():
            triggers.run_every(
                self,
                f"{name.capitalize()}Schedule",
                self.functions[name],
                self._failures[name].queue,
                minutes=minutes,
            )

    def _wire_webhooks(self) -> None:
        webhooks, inbox = self.functions["webhooks"], self._queues["inbox"].queue
        secrets = {
            source: secret.secret_arn for source, secret in self._data.webhook_secrets.items()
        }
        webhooks.allow(["sqs:SendMessage"], [inbox.queue_arn])
        webhooks.allow(["secretsmanager:GetSecretValue"], [*secrets.values()])
        webhooks.tell("INBOX_QUEUE_URL", inbox.queue_url)
        webhooks.tell("WEBHOOK_SECRETS", self.to_json_string(secrets))

    def _wire_relay(self) -> None:
        relay = self.functions["relay"]
        relay.allow(["events:PutEvents"], [self._bus.event_bus_arn])
        relay.tell("EVENT_BUS", self._bus.event_bus_name)
        failures, tables = self._failures["relay"].queue, self._data.tables
        # Not the task token that an order's collection holds too.
        triggers.feed_from_stream(relay, tables["orders"], failures, only_items_with="events")
        triggers.feed_from_stream(relay, tables["inventory"], failures)
        triggers.tell_when_behind(relay, self.alarms)

    def _wire_availability(self) -> None:
        """Both those who fill the queue: the relay, and its own consumer for each channel."""
        queue = self._queues["availability"].queue
        for name in ("relay", "availability"):
            self.functions[name].allow(["sqs:SendMessage"], [queue.queue_arn])
            self.functions[name].tell("AVAILABILITY_QUEUE_URL", queue.queue_url)

    def _wire_lifecycle(self) -> None:
        machine = self._lifecycle.machine.state_machine_arn
        answer = ["states:SendTaskSuccess", "states:SendTaskFailure"]
        lifecycle = self.functions["lifecycle"]
        lifecycle.allow(["states:StartExecution", *answer], [machine])
        lifecycle.tell("STATE_MACHINE_ARN", machine)
        reroutes = self._queues["reroutes"].queue
        for name in ("lifecycle", "supervision"):
            self.functions[name].allow(["sqs:SendMessage"], [reroutes.queue_arn])
            self.functions[name].tell("REROUTES_QUEUE_URL", reroutes.queue_url)
        # A policy apart from the role's own: the machine needs the function, the function its
        # role's policy, and this policy the machine.
        iam.Policy(
            self,
            "SupervisionAnswers",
            roles=[self.functions["supervision"].role],
            statements=[iam.PolicyStatement(actions=answer, resources=[machine])],
        )

    def _wire_the_outside(self) -> None:
        """Mail and the payment provider."""
        sender = self._deployment.sender_email
        address = parseaddr(sender)[1]
        domain = address.partition("@")[2]
        notifications = self.functions["notifications"]
        notifications.allow(
            ["ses:SendEmail"],
            [
                self.format_arn(service="ses", resource="identity", resource_name=identity)
                for identity in (address, domain)
            ],
        )
        notifications.tell("SENDER_EMAIL", sender)
        if self._deployment.paypal_api_base:
            self.functions["webhooks"].tell("PAYPAL_API_BASE", self._deployment.paypal_api_base)
        if self._deployment.mercadopago_api_base:
            self.functions["inbox"].tell(
                "MERCADOPAGO_API_BASE", self._deployment.mercadopago_api_base
            )
        if self._deployment.stripe_api_base:
            for name in ("payment", "refunds"):
                self.functions[name].tell("STRIPE_API_BASE", self._deployment.stripe_api_base)
        if self._deployment.is_local:
            # In AWS the address, or its domain, has been verified by whoever owns it.
            ses.CfnEmailIdentity(self, "Sender", email_identity=address)
            for name in ("catalog", "callbacks", "availability"):
                self.functions[name].tell("ALLOW_PLAIN_CALLBACKS", "1")
        else:
            # The engine's token endpoint has no address of its own to which a browser could go.
            token_url = f"https://{self._data.identity.domain}/oauth2/token"
            self.functions["docs"].tell("TOKEN_URL", token_url)

    def _dead_letters(self) -> dict[str, sqs.IQueue]:
        return {
            **{name: work.dead_letters for name, work in self._queues.items()},
            **{name: failures.queue for name, failures in self._failures.items()},
        }

    def _report(self, identity: Identity) -> None:
        """What scripts and operators need to know of a deployment."""
        values = {
            "UserPoolId": identity.pool.user_pool_id,
            "TokenDomain": identity.domain,
            "ClientId": identity.client.user_pool_client_id,
            **{
                f"{name.capitalize()}Table": table.table_name
                for name, table in self._data.tables.items()
            },
            "StateMachineArn": self._lifecycle.machine.state_machine_arn,
            "EventBusName": self._bus.event_bus_name,
            "CallbackSecretArn": self._data.secrets["callback"].secret_arn,
            "StripeSecretArn": self._data.secrets["stripe"].secret_arn,
            "MercadoPagoSecretArn": self._data.secrets["mercadopago"].secret_arn,
            "AlarmTopicArn": self.alarms.topic.topic_arn,
            "SenderEmail": self._deployment.sender_email,
            "WebhookSecrets": self.to_json_string(
                {name: each.secret_arn for name, each in self._data.webhook_secrets.items()}
            ),
            "DeadLetterQueues": self.to_json_string(
                {name: each.queue_url for name, each in self._dead_letters().items()}
            ),
            "QueueUrls": self.to_json_string(
                {name: each.queue.queue_url for name, each in self._queues.items()}
            ),
            "FunctionNames": self.to_json_string(
                {name: each.function.function_name for name, each in self.functions.items()}
            ),
        }
        for name, value in values.items():
            CfnOutput(self, name, value=value)
