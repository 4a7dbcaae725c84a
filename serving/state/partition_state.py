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
from fraud.settings import DEFAULT_MEMORY, MemorySettings
from serving.state.rates_used import RatesUsed

_POINTS_PER_HISTORY = 4
"""A replay may become longer than needed by a fourth."""
_MAX_POINTS = 8
_MAX_EARLIER = 3
"""With the points above: Kafka takes metadata of 4,096 bytes by default."""


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
    memory: MemorySettings = DEFAULT_MEMORY
    restored: InitVar[CardStore | None] = None
    rates_used: RatesUsed = field(init=False)

    def __post_init__(self, restored: CardStore | None) -> None:
        if restored is None:
            restored = CardStore(self.admission.definitions, memory=self.memory)
        self.cards = restored
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
            self.replay_points = _pruned((*self.replay_points, here), self.admission, self.memory)

    @property
    def used_share(self) -> float:
        """How much of what a card that is seen once is remembered for has come within the history.

        From 1 on cards are forgotten before their payments leave the windows.
        """
        sufficient = [point.offset for point in self.replay_points if point.is_sufficient(self.admission)]
        first = max(sufficient, default=min((point.offset for point in self.replay_points), default=0))
        return (self.position - first) / self.memory.seen_once


@dataclass(frozen=True)
class CommittedPosition:
    """The group's committed offset in a partition, with its metadata.

    `max_event_time` (ms) is None if unknown; `admission` and `replay_points` are empty if an earlier version
    has committed. `first` and `end` are the offsets that the topic has.
    """

    position: int
    max_event_time: int | None
    admission: AdmissionState = ()
    replay_points: ReplayPoints = ()
    first: int = 0
    end: int = 1 << 62


def replay_start(
    points: ReplayPoints, admission: AdmissionFilter, end: int, memory: MemorySettings
) -> ReplayPoint | None:
    """The point from which a replay gives the state at offset `end`, where admission is as given; or None.

    A state that has forgotten cards depends on the offsets of earlier payments, too (`fraud.native.kernel.
    memory`): then the replay starts as many messages earlier, or at the first point there is.
    """
    sufficient = [point for point in points if point.is_sufficient(admission)]
    if not sufficient:
        return None
    last = sufficient[-1]
    if end - last.offset <= memory.seen_once or last.is_start:
        return last
    earlier = [point for point in points if point.offset <= last.offset - _reach(memory)]
    return earlier[-1] if earlier else points[0]


def _reach(memory: MemorySettings) -> int:
    """How many messages before a payment may decide whether it is forgotten."""
    return memory.messages + memory.seen_once


def _pruned(points: ReplayPoints, admission: AdmissionFilter, memory: MemorySettings) -> ReplayPoints:
    """The last sufficient point with those after it, and few before it."""
    sufficient = [index for index, point in enumerate(points) if point.is_sufficient(admission)]
    if not sufficient:
        return _thinned(points)
    last = sufficient[-1]
    return (*_earlier(points[:last], points[last].offset, memory), *_thinned(points[last:]))


def _thinned(points: ReplayPoints) -> ReplayPoints:
    """Of too many every second is left out."""
    return points if len(points) <= _MAX_POINTS else (points[0], *points[1:-1:2], points[-1])


def _earlier(points: ReplayPoints, offset: int, memory: MemorySettings) -> ReplayPoints:
    """The last point that is far enough before `offset`, and of those after it one for each half as far."""
    reach = _reach(memory)
    far = [index for index, point in enumerate(points) if point.offset <= offset - reach]
    kept: list[ReplayPoint] = []
    for point in points[far[-1] if far else 0 :]:
        if not kept or point.offset - kept[-1].offset >= reach // 2:
            kept.append(point)
    return tuple(kept[:_MAX_EARLIER])
