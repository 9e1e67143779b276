"""Stands between a function and AWS, and may act between a request that was carried out and its
answer: the moment in which a handler that dies has done something and does not know it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from tests.e2e.stack import Stack, eventually
from tests.integration.payments.servers import Answer, Asked, Upstream, recording

# Told of a request that was carried out, before its answer is passed on.
CarriedOut = Callable[[Asked], None]


@dataclass
class Between:
    """An answering server that asks the engine and calls `carried_out`."""

    upstream: Upstream
    carried_out: CarriedOut

    def __call__(self, asked: Asked) -> Answer:
        answer = self.upstream(asked)
        if 200 <= answer.status < 300:
            self.carried_out(asked)
        return answer


@contextmanager
def between(stack: Stack, function: str, carried_out: CarriedOut) -> Iterator[None]:
    """While it lasts, the function reaches AWS through here."""
    with recording(Between(Upstream(stack.engine.endpoint), carried_out)) as server:
        before = _environment(stack, function)
        _configure(stack, function, {**before, "AWS_ENDPOINT_URL": server.address})
        try:
            yield
        finally:
            _configure(stack, function, before)


def operation(asked: Asked) -> str:
    """The API operation that was asked for, e.g. `TransactWriteItems`."""
    return asked.headers.get("x-amz-target", "").rpartition(".")[2]


def _environment(stack: Stack, function: str) -> dict[str, str]:
    found = stack.aws("lambda").get_function_configuration(FunctionName=stack.function(function))
    variables: dict[str, str] = found["Environment"]["Variables"]
    return variables


def _configure(stack: Stack, function: str, variables: dict[str, Any]) -> None:
    name = stack.function(function)
    stack.aws("lambda").update_function_configuration(
        FunctionName=name, Environment={"Variables": variables}
    )
    eventually(lambda: _environment(stack, function) == variables)
