"""Read models of money and of returns: the projections as the queue runs them, and the API."""

import importlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from oms.aws.dead_letters import Message
from oms.kernel.encoding import to_json
from oms.kernel.events import Envelope
from tests.integration.gateway import Gateway, gateway
from tests.integration.world import World, world

Call = Callable[..., Any]
Project = Callable[..., None]


@pytest.fixture
def oms() -> Iterator[World]:
    with world() as made:
        yield made


@pytest.fixture
def ask(oms: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[Gateway]:
    """Calls any function of the API."""
    monkeypatch.setenv("CALLBACK_SECRET", "secret")
    with gateway(monkeypatch) as calls:
        yield calls


@pytest.fixture
def call(ask: Gateway) -> Call:
    """Calls a route of the function ``reports``: its status and its answer."""

    def answer(
        verb_and_path: str, body: object = None, *, caller: str = "", **query: str
    ) -> tuple[int, Any]:
        # ``from`` is a word of Python's own.
        named = {name.rstrip("_"): value for name, value in query.items()}
        return ask("reports", verb_and_path, body, query=named, caller=caller)

    return answer


@pytest.fixture
def project(oms: World, call: Call, monkeypatch: pytest.MonkeyPatch) -> Project:
    """Gives events to the projections; those of an order's whole history, when it is given an
    id."""
    monkeypatch.setenv("DEAD_LETTER_QUEUE_URL", "https://sqs.invalid/dead")
    handler = importlib.import_module("functions.projections.handler")
    from infra.queues import QUEUES

    heard = next(plan.event_types for plan in QUEUES if plan.name == "projections")

    def take(subject: str | Envelope) -> None:
        events = oms.orders.history(subject) if isinstance(subject, str) else [subject]
        for event in events:
            if event.type in heard:
                handler.take(Message(event.id, to_json({"detail": event}), 1))

    return take
