"""A partition's state: a function of its log up to a position.

The features of future transactions depend on the admitted events of `Definitions.history_ms` before the low
watermark. So a replay may start where all events before are older. It has to start with admission as it was
there, since what admission lets in depends on what it has seen. Offsets with the admission state there are
the state's replay points, which are committed with the position.
"""

from dataclasses import InitVar, dataclass, field
from typing import NamedTuple

from fraud.features.store import CardStore
from fraud.messages.admission import AdmissionFilter
from fraud.native import event_clock
from serving.state.rates_used import RatesUsed

_POINTS_PER_HISTORY = 4
"""A replay may become longer than needed by a fourth."""
_MAX_POINTS = 8
"""Kafka takes metadata of 4,096 bytes by default."""


AdmissionState = tuple[int, ...]
"""`AdmissionFilter.state` at an offset (`fraud.native.event_clock`)."""


class ReplayPoint(NamedTuple):
    """An offset, and the admission state before the message there."""

    offset: int
    admission: AdmissionState

    @property
    def is_start(self) -> bool:
        """Whether nothing was admitted before."""
        return self.admission[event_clock.HIGHEST] == 0

    def is_sufficient(self, admission: AdmissionFilter) -> bool:
        """Whether no event before the point matters to what `admission` lets in from now on."""
        return (
            self.is_start
            or self.admission[event_clock.HIGHEST]
            <= admission.low_watermark - admission.definitions.history_ms
        )


ReplayPoints = tuple[ReplayPoint, ...]
"""By offset, ascending."""


@dataclass
class PartitionState:
    """What serving knows of one partition after every message before the offset `position`.

    `partitions` is how many its topic has, 0 while that is unknown.
    """

    partition: int
    position: int
    admission: AdmissionFilter
    cards: CardStore = field(init=False)
    replay_points: ReplayPoints = ()
    partitions: int = 0
    restored: InitVar[CardStore | None] = None
    rates_used: RatesUsed = field(init=False)

    def __post_init__(self, restored: CardStore | None) -> None:
        self.cards = restored or CardStore(self.admission.definitions)
        self.rates_used = RatesUsed(self.admission.definitions)

    def mark_replay_point(self) -> None:
        """Add a replay point here, if event time has moved far enough since the last one."""
        max_event_time = self.admission.max_event_time
        between_ms = self.admission.definitions.history_ms // _POINTS_PER_HISTORY
        if (
            not self.replay_points
            or max_event_time >= self.replay_points[-1].admission[event_clock.MAX] + between_ms
        ):
            here = ReplayPoint(self.position, tuple(self.admission.state))
            self.replay_points = _pruned((*self.replay_points, here), self.admission)


@dataclass(frozen=True)
class CommittedPosition:
    """The group's committed offset in a partition, with its metadata.

    `max_event_time` (ms) is None if unknown; `admission` and `replay_points` are empty if an earlier version
    has committed.
    """

    position: int
    max_event_time: int | None
    admission: AdmissionState = ()
    replay_points: ReplayPoints = ()


def _pruned(points: ReplayPoints, admission: AdmissionFilter) -> ReplayPoints:
    """Without the points before the last sufficient one; of too many every second is left out."""
    sufficient = [index for index, point in enumerate(points) if point.is_sufficient(admission)]
    kept = points[sufficient[-1] :] if sufficient else points
    return kept if len(kept) <= _MAX_POINTS else (kept[0], *kept[1:-1:2], kept[-1])
