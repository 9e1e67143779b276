"""How many calls of one function run at a time."""

from local.environments import Turns


def test_a_call_beyond_the_limit_waits_until_another_is_done() -> None:
    turns = Turns(at_once=2)
    with turns.of("sourcing"), turns.of("sourcing"):
        assert not turns.of("sourcing").acquire(blocking=False)

    assert turns.of("sourcing").acquire(blocking=False)


def test_functions_do_not_wait_for_each_other() -> None:
    turns = Turns(at_once=1)

    with turns.of("sourcing"):
        assert turns.of("payment").acquire(blocking=False)
