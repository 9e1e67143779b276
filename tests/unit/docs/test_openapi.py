"""docs/openapi.json says what the code does, and nothing else."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from openapi_schema_validator import OAS31Validator
from openapi_spec_validator import validate

from infra.routes import ROUTES
from oms.aws.http import problem
from oms.kernel.encoding import from_json
from oms.kernel.errors import Fault, Invalid
from oms.kernel.events import Envelope
from oms.notifications.availability import (
    AVAILABILITY_CHANGED,
    Offer,
    Sellable,
    StockState,
    offer_body,
)
from oms.notifications.callback import CALLBACK_TYPES, callback_body
from oms.notifications.return_rate_call import CALL_TYPE as RETURN_RATE_HIGH
from oms.orders import events as happened
from oms.orders.evolve import begin, evolve_all
from oms.orders.model import Content, Fulfillment, FulfillmentLine

ROOT = Path(__file__).parents[3]
FILE = ROOT / "docs" / "openapi.json"
ORDER = ROOT / "tests" / "unit" / "notifications" / "captured_order.json"

Json = dict[str, Any]


@pytest.fixture(scope="module")
def document() -> Json:
    found: Json = json.loads(FILE.read_text())
    return found


def operations(document: Json) -> Iterator[tuple[str, str, Json]]:
    for path, item in document["paths"].items():
        for method, operation in item.items():
            yield method.upper(), path, operation


def references(node: object) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        for value in node.values():
            yield from references(value)
    elif isinstance(node, list):
        for value in node:
            yield from references(value)


def errors(document: Json, schema: str, instance: object) -> list[str]:
    whole = {"$ref": f"#/components/schemas/{schema}", "components": document["components"]}
    return [error.message for error in OAS31Validator(whole).iter_errors(instance)]


def test_the_committed_document_is_the_one_the_code_makes() -> None:
    made = subprocess.run(
        [sys.executable, "-m", "local.openapi", "--print"],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT / "layers" / "oms" / "python")},
        capture_output=True,
        text=True,
        check=True,
    )

    assert made.stdout == FILE.read_text(), "run `make openapi` and commit what it writes"


def test_the_document_is_valid_openapi(document: Json) -> None:
    validate(document)


def test_every_route_is_described_and_every_description_routed(document: Json) -> None:
    described = {(method, path) for method, path, _ in operations(document)}

    assert described == {(route.method, route.path) for route in ROUTES}


def test_every_route_names_the_scope_it_needs(document: Json) -> None:
    scopes = {(route.method, route.path): route.scope for route in ROUTES}

    for method, path, operation in operations(document):
        needed = {scope for way in operation["security"] for each in way.values() for scope in each}
        assert needed == {scopes[method, path]} - {""}, f"{method} {path}"


def test_only_webhooks_are_let_in_by_a_signature(document: Json) -> None:
    signed = {
        path
        for _, path, operation in operations(document)
        if any("standardWebhooks" in way for way in operation["security"])
    }

    assert signed == {"/v1/webhooks/{source}"}


def test_every_reference_leads_somewhere_and_no_component_is_left_over(document: Json) -> None:
    found = set(references(document))

    for reference in found:
        node: Any = document
        for name in reference.removeprefix("#/").split("/"):
            node = node[name]
    unused = {
        f"#/components/{kind}/{name}"
        for kind in ("schemas", "responses", "parameters", "headers")
        for name in document["components"][kind]
    } - found
    assert unused == set()


def test_every_refusal_of_ours_is_a_problem_document(document: Json) -> None:
    for method, path, operation in operations(document):
        refusals = {code for code in operation["responses"] if code[0] in "45"}
        assert {"429", "500", "503"} <= refusals, f"{method} {path}"
        for code in refusals:
            name = operation["responses"][code]["$ref"].rpartition("/")[2]
            example = document["components"]["responses"][name]["content"]
            for media in example.values():
                assert media["example"].get("status", int(code)) == int(code), f"{path} {code}"


def test_what_we_answer_on_a_refusal_fits_its_description(document: Json) -> None:
    refusal = Invalid("no", code="line_twice", faults=(Fault("lines.1", "line_twice", "again"),))

    assert errors(document, "Problem", problem(refusal, "request-1")) == []


def test_every_example_fits_its_schema(document: Json) -> None:
    examples = 0
    for media in media_types(document):
        shown = [each["value"] for each in media.get("examples", {}).values()]
        shown += [media["example"]] if "example" in media else []
        schema = {**media["schema"], "components": document["components"]}
        for example in shown:
            assert not list(OAS31Validator(schema).iter_errors(example)), example
            examples += 1

    assert examples > 10


def media_types(node: object) -> Iterator[Json]:
    if isinstance(node, dict):
        for name, value in node.items():
            if name == "content" and isinstance(value, dict):
                yield from (media for media in value.values() if "schema" in media)
            else:
                yield from media_types(value)
    elif isinstance(node, list):
        for value in node:
            yield from media_types(value)


def test_templates_are_the_parameters_of_their_path(document: Json) -> None:
    for _, path, operation in operations(document):
        named = {each["name"] for each in operation["parameters"] if each.get("in") == "path"}
        assert named == set(re.findall(r"{(\w+)}", path)), path


def test_operations_have_names_of_their_own(document: Json) -> None:
    names = [operation["operationId"] for _, _, operation in operations(document)]

    assert len(set(names)) == len(names) == len(ROUTES)
    assert all(re.fullmatch(r"[a-z_]+", name) for name in names)


def test_the_webhooks_we_send_are_those_that_are_described(document: Json) -> None:
    told = {*CALLBACK_TYPES.values(), AVAILABILITY_CHANGED, RETURN_RATE_HIGH}
    assert set(document["webhooks"]) == told


@pytest.mark.parametrize("available", [0, 7, None])
def test_what_is_told_of_availability_fits_its_description(
    document: Json, available: int | None
) -> None:
    at = datetime(2026, 5, 1, tzinfo=UTC)
    offer = Offer("MUG", "web", Sellable(available, StockState.LOW), 1, at, at, 1000)

    assert errors(document, "AvailabilityCallback", json.loads(offer_body(offer, 3))) == []


def test_a_callback_fits_its_description(document: Json) -> None:
    content = from_json(ORDER.read_text(), Content)
    work = Fulfillment("ful_1", "sp-1", (FulfillmentLine("1", 2),))
    steps = (happened.OrderReleased((work,)), happened.FulfillmentShipped("ful_1", "C", "BR1"))
    order = evolve_all(begin(happened.OrderCaptured(content)), steps)
    at = datetime(2026, 5, 1, tzinfo=UTC)
    event = Envelope("x:2:1", "fulfillment_shipped", order.order_id, 2, at, "test", "", "", {})

    assert errors(document, "Callback", json.loads(callback_body(event, order))) == []
