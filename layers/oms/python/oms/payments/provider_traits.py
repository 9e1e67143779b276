"""What some providers do otherwise than the rest, by their names."""

# They tell nothing: who has the money says what came in.
_TOLD_BY_HAND = frozenset({"store", "courier", "bank", "channel"})
# What these hold is let go of when a part of it is captured: the rest has to be held anew.
_CAPTURES_ONCE = frozenset({"stripe"})


def is_told_by_hand(provider: str) -> bool:
    """Whether nobody but a person, or a channel, says what came in by it."""
    return provider in _TOLD_BY_HAND


def captures_once(provider: str) -> bool:
    """Whether a partial capture lets go of the rest of what is held."""
    return provider in _CAPTURES_ONCE
