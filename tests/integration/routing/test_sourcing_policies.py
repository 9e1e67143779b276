"""Sourcing policies over the API: put, read, kept by version, and refused with their faults."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from oms.aws.sourcing_policy_store import SourcingPolicyStore
from oms.kernel.clock import rfc3339, utc_now
from oms.kernel.errors import VersionConflict
from oms.routing.policy import BUILT_IN, Rule, SourcingPolicy
from tests.integration.gateway import Gateway, gateway
from tests.integration.world import World
from tests.samples import CAUSE, NOW

WEB = {
    "channels": ["web"],
    "rules": [
        {
            "id": "stores",
            "orders": {
                "methods": ["ship"],
                "tags": ["gift"],
                "value_from": {"amount": "10.00", "currency": "BRL"},
                "value_to": {"amount": "500.00", "currency": "BRL"},
            },
            "nodes": {"kinds": ["store"], "within_km": 50.5, "without_nodes": ["sp-dc"]},
            "rankers": [{"by": "stock_depth", "order": "desc"}, {"by": "distance"}],
            "limits": {"max_nodes": 2, "min_value": {"amount": "30.00", "currency": "BRL"}},
            "partial": True,
            "otherwise": ["drop_ship", "next"],
            "next_rule": "all",
        },
        {
            "id": "all",
            "strategy": "in_order",
            "objective": {"late_per_day": {"amount": "5.00", "currency": "BRL"}},
            "otherwise": ["exception"],
        },
    ],
}


@pytest.fixture
def api(oms: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[Gateway]:
    with gateway(monkeypatch) as call:
        yield call


def put(api: Gateway, body: object, policy_id: str = "web") -> tuple[int, Any]:
    return api("catalog", f"PUT /v1/sourcing-policies/{policy_id}", body)


def faults(answer: Any) -> list[tuple[str, str]]:
    return [(fault["path"], fault["code"]) for fault in answer["faults"]]


def rules(*changed: dict[str, object]) -> dict[str, object]:
    return {"rules": [{"id": f"r{number}"} | each for number, each in enumerate(changed)]}


def test_a_policy_is_read_as_it_was_put(api: Gateway) -> None:
    status, stored = put(api, WEB)
    assert status == 200, stored
    assert (stored["version"], stored["effective_version"]) == (1, 1)
    status, read = api("catalog", "GET /v1/sourcing-policies/web")
    assert (status, read) == (200, stored)
    again = {name: read[name] for name in ("name", "active", "channels", "rules")}
    assert put(api, again)[1] == stored


def test_each_put_is_a_version_and_those_before_are_kept(api: Gateway) -> None:
    put(api, rules({}))
    for nodes in range(1, 4):
        assert put(api, rules({"limits": {"max_nodes": nodes}}))[1]["version"] == nodes + 1
    _, second = api("catalog", "GET /v1/sourcing-policies/web", query={"version": "2"})
    assert second["rules"][0]["limits"]["max_nodes"] == 1
    assert (second["version"], second["effective_version"]) == (2, 4)
    path = "GET /v1/sourcing-policies/web/versions"
    _, page = api("catalog", path, query={"limit": "3"})
    assert [one["version"] for one in page["versions"]] == [4, 3, 2]
    _, rest = api("catalog", path, query={"limit": "3", "cursor": page["next_cursor"]})
    assert [one["version"] for one in rest["versions"]] == [1]
    assert api("catalog", "GET /v1/sourcing-policies/web", query={"version": "9"})[0] == 404
    assert api("catalog", "GET /v1/sourcing-policies/other")[0] == 404


def test_all_policies_are_listed(api: Gateway) -> None:
    assert api("catalog", "GET /v1/sourcing-policies")[1] == {"sourcing_policies": []}
    put(api, WEB)
    put(api, rules({}), "all")
    _, found = api("catalog", "GET /v1/sourcing-policies")
    assert [one["id"] for one in found["sourcing_policies"]] == ["all", "web"]


def test_a_version_holds_from_the_day_it_is_effective(api: Gateway, oms: World) -> None:
    put(api, rules({}))
    later = utc_now() + timedelta(days=3)
    _, stored = put(api, rules({"partial": True}) | {"effective_from": rfc3339(later)})
    assert (stored["version"], stored["effective_version"]) == (2, 1)
    store = SourcingPolicyStore(oms.client, "catalog")
    assert store.for_channel("web", later - timedelta(seconds=1)).version == 1
    assert store.for_channel("web", later).version == 2
    # What is put in between holds until then, and not after.
    put(api, rules({"strategy": "single"}))
    assert store.for_channel("web", utc_now()).version == 3
    assert store.for_channel("web", later).version == 2


def test_what_was_decided_is_not_changed_by_a_date_in_the_past(api: Gateway) -> None:
    status, answer = put(api, rules({}) | {"effective_from": "2020-01-01T00:00:00Z"})
    assert (status, faults(answer)) == (422, [("effective_from", "in_the_past")])


@pytest.mark.parametrize(
    ("body", "found"),
    [
        (rules({"orders": {"colour": ["red"]}}), [("rules.0.orders.colour", "unknown_field")]),
        (rules({"nodes": {"near": 3}}), [("rules.0.nodes.near", "unknown_field")]),
        (rules({"rankers": [{"by": "beauty"}]}), [("rules.0.rankers.0.by", "enum")]),
        (rules({"strategy": "best"}), [("rules.0.strategy", "enum")]),
        (rules({"otherwise": ["pray"]}), [("rules.0.otherwise.0", "enum")]),
        ({"rules": []}, [("rules", "no_rules")]),
        (rules({"otherwise": []}), [("rules.0.otherwise", "no_steps")]),
        (
            rules({"nodes": {"nodes": ["sp-dc", "mars"], "without_nodes": ["moon"]}}),
            [
                ("rules.0.nodes.nodes.1", "unknown_node"),
                ("rules.0.nodes.without_nodes.0", "unknown_node"),
            ],
        ),
        (
            rules({"nodes": {"nodes": ["sp-dc"], "without_nodes": ["sp-dc"]}}),
            [("rules.0.nodes", "no_node_passes")],
        ),
        (
            rules({"nodes": {"groups": ["a"], "without_groups": ["a"]}}),
            [("rules.0.nodes", "no_node_passes")],
        ),
        (rules({}) | {"channels": ["fax"]}, [("channels.0", "unknown_channel")]),
        (
            rules({"orders": {"channels": ["web", "fax"]}}),
            [("rules.0.orders.channels.1", "unknown_channel")],
        ),
        ({"rules": [{"id": "a"}, {"id": "a"}]}, [("rules.1.id", "rule_twice")]),
        (rules({"next_rule": "x"}), [("rules.0.next_rule", "unknown_rule")]),
        (
            rules({"otherwise": ["backorder"], "next_rule": "r0"}),
            [("rules.0.next_rule", "next_rule_without_next")],
        ),
        (
            rules({"otherwise": ["backorder", "drop_ship"]}),
            [("rules.0.otherwise.1", "step_never_taken")],
        ),
        (
            rules({"rankers": [{"by": "cost"}, {"by": "cost", "order": "desc"}]}),
            [("rules.0.rankers.1", "ranker_twice")],
        ),
        (
            rules(
                {
                    "orders": {
                        "value_from": {"amount": "10.00", "currency": "BRL"},
                        "value_to": {"amount": "10.00", "currency": "BRL"},
                    }
                }
            ),
            [("rules.0.orders.value_to", "no_order_fits")],
        ),
        (
            rules(
                {
                    "orders": {
                        "value_from": {"amount": "10.00", "currency": "BRL"},
                        "value_to": {"amount": "20.00", "currency": "EUR"},
                    }
                }
            ),
            [("rules.0.orders.value_to", "wrong_currency")],
        ),
        (
            rules({"limits": {"min_value": {"amount": "10.001", "currency": "BRL"}}}),
            [("rules.0.limits.min_value", "too_many_decimals")],
        ),
        (rules({"next_rule": "r0"}), [("rules.0", "rule_cycle")]),
        (
            rules({}, {"next_rule": "r0"}),
            [("rules.0", "rule_cycle"), ("rules.1", "rule_cycle")],
        ),
        (
            # Passed over for its order filter, a rule leads to the one after it all the same.
            rules(
                {"next_rule": "r2"},
                {"orders": {"tags": ["gift"]}, "otherwise": ["backorder"]},
                {"next_rule": "r1"},
            ),
            [("rules.1", "rule_cycle"), ("rules.2", "rule_cycle")],
        ),
        (rules({"otherwise": ["backorder"]}, {}), [("rules.1", "unreachable_rule")]),
        (
            rules({"next_rule": "r2"}, {}, {"otherwise": ["exception"]}),
            [("rules.1", "unreachable_rule")],
        ),
    ],
)
def test_a_policy_that_cannot_be_evaluated_is_refused(
    api: Gateway, body: object, found: list[tuple[str, str]]
) -> None:
    status, answer = put(api, body)
    assert status == 422, answer
    assert faults(answer) == found
    assert answer["code"] == found[0][1] or answer["code"] == "invalid"
    assert api("catalog", "GET /v1/sourcing-policies/web")[0] == 404


def test_a_rule_may_go_back_where_that_comes_to_an_end(api: Gateway) -> None:
    ends: dict[str, object] = {"otherwise": ["backorder"]}
    assert put(api, rules({"next_rule": "r2"}, ends, {"next_rule": "r1"}))[0] == 200


def test_of_two_that_put_at_the_same_moment_one_is_told_so(oms: World) -> None:
    store = SourcingPolicyStore(oms.client, "catalog")
    first = SourcingPolicy("web", (Rule("a"),))
    store.put(first, CAUSE)
    with pytest.raises(VersionConflict):
        store.put(first, CAUSE)
    assert [one.version for one in store.versions("web", 10, None).versions] == [1]


def test_the_policy_that_names_the_channel_comes_first(oms: World) -> None:
    store = SourcingPolicyStore(oms.client, "catalog")
    assert store.for_channel("web", NOW) == BUILT_IN
    for name, channels, active in (
        ("b", (), True),
        ("a", (), False),
        ("z", ("web", "app"), True),
    ):
        store.put(SourcingPolicy(name, (Rule("r"),), channels=channels, active=active), CAUSE)
    assert store.for_channel("web", NOW).id == "z"
    assert store.for_channel("till", NOW).id == "b"
