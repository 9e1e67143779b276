from benchmarks.probe import cause_of, memory_mb


def test_an_invocation_is_named_by_its_route_its_step_or_what_it_delivers() -> None:
    bus_event = {"body": '{"detail-type": "order_captured"}'}

    assert cause_of({"routeKey": "POST /v1/orders"}) == ["POST /v1/orders"]
    assert cause_of({"step": "reserve"}) == ["reserve"]
    assert cause_of({"Records": [bus_event, bus_event]}) == ["order_captured", "order_captured"]
    assert cause_of({"Records": [{"dynamodb": {}}]}) == ["stream"]
    assert cause_of({}) == ["schedule"]


def test_a_delivery_that_is_no_event_of_the_bus_has_no_name() -> None:
    assert cause_of({"Records": [{"body": "not JSON"}, {"body": "{}"}]}) == ["delivery", "delivery"]


def test_a_process_knows_the_most_memory_it_had() -> None:
    assert 5 < memory_mb() < 10_000
