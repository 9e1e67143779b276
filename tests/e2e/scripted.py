"""The deployed lifecycle with one function in the place of all its own, which fails when told to.

Faults are not to be had from the real functions on order. The definition is the deployed one, word
for word, but for the functions' names; each execution carries in its order id what is to happen.
"""

import inspect
import io
import json
import zipfile
from dataclasses import dataclass
from typing import Any

from tests.e2e import scripted_function
from tests.e2e.lifecycle import ANY, Way
from tests.e2e.stack import Stack, eventually

# By step (or by what is awaited): the error to fail with, or one for each time it is asked; for
# `authorize` also an outcome.
Script = dict[str, str | list[str]]

CANCEL = "OrderCancelRequested"
LATE = "States.Timeout"
LATER = "CapturePending"
TAKEN_BACK = "StockTakenBack"

# What fails, so that an execution goes that way.
FAULTS: dict[Way, Script] = {
    Way("Source", ANY, "Exception"): {"reserve": "Boom"},
    Way("AwaitStock", ANY, "Exception"): {"reserve": "Backordered", "stock": "Boom"},
    Way("Authorize", ANY, "Exception"): {"authorize": "Boom"},
    Way("PaymentOutcome", "choice", "Exception"): {"authorize": "unheard_of"},
    Way("AwaitPayment", ANY, "Exception"): {"authorize": "pending", "payment": "Boom"},
    Way("AwaitPayment", TAKEN_BACK, "Source"): {
        "authorize": "pending",
        "payment": [TAKEN_BACK, "Boom"],
    },
    Way("Release", ANY, "Exception"): {"release": "Boom"},
    Way("Release", TAKEN_BACK, "Source"): {"release": [TAKEN_BACK, "Boom"]},
    Way("AwaitFulfillment", ANY, "Exception"): {"fulfillment": "Boom"},
    Way("AwaitFulfillment", TAKEN_BACK, "Source"): {"fulfillment": [TAKEN_BACK, "Boom"]},
    Way("Overdue", CANCEL, "Withdraw"): {"fulfillment": LATE, "overdue": CANCEL},
    Way("Overdue", ANY, "Exception"): {"fulfillment": LATE, "overdue": "Boom"},
    Way("Settle", CANCEL, "Withdraw"): {"settle": CANCEL},
    Way("Settle", ANY, "Exception"): {"settle": "Boom"},
    Way("Settle", LATER, "AwaitCapture"): {"settle": [LATER, "Boom"]},
    Way("AwaitCapture", LATE, "Exception"): {"settle": LATER, "capture": LATE},
    Way("AwaitCapture", ANY, "Exception"): {"settle": LATER, "capture": "Boom"},
    Way("Withdraw", ANY, "Exception"): {"reserve": CANCEL, "withdraw": "Boom"},
    Way("Unreserve", ANY, "Exception"): {"reserve": CANCEL, "unreserve": "Boom"},
    Way("CloseCancelled", ANY, "Exception"): {"reserve": "OutOfStock", "cancel": "Boom"},
    Way("Exception", ANY, "NeedsAttention"): {"reserve": "Boom", "exception": "Boom"},
}

NAME = "scripted-lifecycle"
_FUNCTIONS = ("sourcing", "payment", "release", "supervision")


@dataclass(frozen=True)
class ScriptedLifecycle:
    stack: Stack
    machine_arn: str

    @classmethod
    def deploy(cls, stack: Stack) -> "ScriptedLifecycle":
        states = stack.aws("stepfunctions")
        deployed = states.describe_state_machine(stateMachineArn=stack.deployment.state_machine_arn)
        function = _make_function(stack)
        definition = str(deployed["definition"])
        for name in _FUNCTIONS:
            definition = definition.replace(_arn(stack, name), function)
        machine = states.create_state_machine(
            name=NAME, definition=definition, roleArn=deployed["roleArn"]
        )
        return cls(stack, machine["stateMachineArn"])

    def start(self, script: Script) -> str:
        """The ARN of an execution in which this happens, and all else goes well."""
        told = {"order_id": json.dumps(script), "correlation_id": "scripted"}
        started = self.stack.aws("stepfunctions").start_execution(
            stateMachineArn=self.machine_arn, input=json.dumps(told)
        )
        return str(started["executionArn"])

    def ended(self, execution: str) -> dict[str, Any]:
        states = self.stack.aws("stepfunctions")

        def over() -> dict[str, Any] | None:
            found: dict[str, Any] = states.describe_execution(executionArn=execution)
            return None if found["status"] == "RUNNING" else found

        return eventually(over, seconds=60)


def _make_function(stack: Stack) -> str:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as code:
        code.writestr("scripted.py", inspect.getsource(scripted_function))
    functions = stack.aws("lambda")
    like = functions.get_function_configuration(FunctionName=stack.function(_FUNCTIONS[0]))
    made = functions.create_function(
        FunctionName=NAME,
        Runtime="python3.13",
        Handler="scripted.handler",
        Role=like["Role"],
        Code={"ZipFile": archive.getvalue()},
        Timeout=10,
    )
    return str(made["FunctionArn"])


def _arn(stack: Stack, function: str) -> str:
    found = stack.aws("lambda").get_function_configuration(FunctionName=stack.function(function))
    return str(found["FunctionArn"])
