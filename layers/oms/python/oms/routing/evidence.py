"""Why a decision fell as it did: kept with the event that records it, for whoever asks later.

It imports nothing of ours, because the events of an order carry it. It is bounded: the best
candidates are named, the others are counted by what excluded them.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

# Candidates that are named; all others are only counted.
NAMED_CANDIDATES = 20
# Of what a reason would list very many of so many are named, and of the ways that lines of an order
# go so many are explained: an order's item holds 400 KB.
NAMED_IN_A_REASON = 8
EXPLAINED_WAYS = 8


@dataclass(frozen=True, slots=True)
class TriedRule:
    """A rule that was looked at before the one that decided, and why it did not."""

    rule: str
    why: str


@dataclass(frozen=True, slots=True)
class RankedNode:
    """A node that was looked at. ``ranks`` stand in the order of the evidence's ``rankers``; 1 is
    the best and None says that the ranker knew nothing of it. ``excluded_by`` names the filter or
    the limit that kept the node out; it is empty for a candidate."""

    node: str
    ranks: tuple[int | None, ...] = ()
    excluded_by: str = ""


@dataclass(frozen=True, slots=True)
class Evidence:
    """``rule`` is the one that decided, of ``version`` of ``policy``; version 0 is the built-in
    one. ``tried`` are the rules before it. ``candidates``: up to twenty, best first;
    ``others`` counts the rest by what excluded them (``not_chosen`` for mere candidates). ``also``:
    the same of lines that go another way, or are handed over at another node, of very many such
    ways the first."""

    policy: str = "built_in"
    version: int = 0
    rule: str = ""
    tried: tuple[TriedRule, ...] = ()
    rankers: tuple[str, ...] = ("distance",)
    candidates: tuple[RankedNode, ...] = ()
    others: tuple[tuple[str, int], ...] = ()
    also: tuple["Evidence", ...] = ()


def listed(names: Iterable[str], joint: str = ", ") -> str:
    """In words; of very many the first."""
    every = list(names)
    named = every[:NAMED_IN_A_REASON]
    more = len(every) - len(named)
    return joint.join([*named, f"{more} more"] if more else named)


def without_rule(evidence: Evidence | None, rule: str) -> Evidence | None:
    """As the event keeps it: it names the rule itself, and an order that fits a kilobyte is written
    for half of what the next byte would cost."""
    if evidence is None or evidence.rule != rule:
        return evidence
    return replace(evidence, rule="")
