"""The synthesised templates, with the few questions that the sweeps ask of them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Json = Any


@dataclass(frozen=True, slots=True)
class Resource:
    """One of ``stack``, which goes by the name that it is deployed under."""

    stack: str
    logical_id: str
    body: Mapping[str, Json]

    @property
    def type(self) -> str:
        kind: str = self.body["Type"]
        return kind

    @property
    def properties(self) -> Mapping[str, Json]:
        found: Mapping[str, Json] = self.body.get("Properties", {})
        return found

    @property
    def reasons(self) -> Mapping[str, str]:
        """What was acknowledged on this very resource, and why."""
        rules = self.body.get("Metadata", {}).get("cdk_nag", {}).get("rules_to_suppress", [])
        return {rule["id"]: rule["reason"] for rule in rules}

    def __str__(self) -> str:
        return f"{self.type} {self.logical_id}"


@dataclass(frozen=True, slots=True)
class Templates:
    """All stacks' resources; logical ids do not repeat from one to the other. What one imports
    reads as what the other exports: the reference that it would be in one template."""

    resources: Mapping[str, Resource]

    def of(self, *types: str) -> list[Resource]:
        """Never empty: a sweep over nothing would find nothing."""
        found = [each for each in self.resources.values() if each.type in types]
        assert found, f"there is no {' nor '.join(types)}"
        return found

    def at(self, reference: Json) -> Resource:
        """The resource that a ``Ref`` or ``Fn::GetAtt`` points to."""
        target = pointed_at(reference)
        assert target in self.resources, f"{reference} points to no resource of these stacks"
        return self.resources[target]


def templates(stacks: Mapping[str, Mapping[str, Json]]) -> Templates:
    exports = {
        output["Export"]["Name"]: output["Value"]
        for template in stacks.values()
        for output in template.get("Outputs", {}).values()
        if "Export" in output
    }
    resources: dict[str, Resource] = {}
    for stack, template in stacks.items():
        for logical_id, body in template["Resources"].items():
            assert logical_id not in resources
            resources[logical_id] = Resource(stack, logical_id, without_imports(body, exports))
    return Templates(resources)


def without_imports(value: Json, exports: Mapping[str, Json]) -> Json:
    if isinstance(value, list):
        return [without_imports(each, exports) for each in value]
    if not isinstance(value, dict):
        return value
    if "Fn::ImportValue" in value:
        return exports[value["Fn::ImportValue"]]
    return {name: without_imports(each, exports) for name, each in value.items()}


def pointed_at(reference: Json) -> str:
    """The logical id in a ``Ref`` or a ``Fn::GetAtt``; else ''."""
    if not isinstance(reference, dict):
        return ""
    if "Fn::GetAtt" in reference:
        target: str = reference["Fn::GetAtt"][0]
        return target
    return str(reference.get("Ref", ""))


def statements(resource: Resource) -> Iterator[Mapping[str, Json]]:
    """Every statement of the resource's policies, its trust policy left out."""
    properties = resource.properties
    documents = [properties.get("PolicyDocument"), properties.get("KeyPolicy")]
    documents += [inline["PolicyDocument"] for inline in properties.get("Policies", [])]
    for document in documents:
        if document:
            yield from document["Statement"]


def listed(value: Json) -> list[Json]:
    return value if isinstance(value, list) else [value]
