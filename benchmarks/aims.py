"""What the project wants to stay within, and whether it does."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

WRITE_UNITS = 60
TRANSITIONS = 8
PLACE_CPU_MS = 20.0
LIFECYCLE_CPU_MS = 60.0
PLACED_PER_SECOND = 8.0
COLD_START_RATIO = 1.5
API_COLD_START_RATIO = 2.0
MEMORY_MB = 128.0
MEAN_GAP_PERCENT = 1.0

Sense = Literal["at most", "more than"]


@dataclass(frozen=True, slots=True)
class Aim:
    what: str
    sense: Sense
    limit: float
    measured: float

    @property
    def is_met(self) -> bool:
        if self.sense == "at most":
            return self.measured <= self.limit
        return self.measured > self.limit


def missed(aims: Iterable[Aim]) -> list[Aim]:
    return [aim for aim in aims if not aim.is_met]
