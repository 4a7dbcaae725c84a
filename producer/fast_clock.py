"""A clock that makes up for lost time: faster than the wall clock until it has caught up with it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class FastClock:
    """Event time from `start` on, `speed` times as fast as the wall clock while it is behind. All in ms.

    Attributes:
        start: the first moment of event time.
        started_at: the wall clock's time at that moment, not before it.
        speed: at least 1.
    """

    start: int
    started_at: int
    speed: float = 1.0

    def event_time(self, wall: float) -> int:
        """The event time at a time of the wall clock."""
        return int(min(self.start + (wall - self.started_at) * self.speed, wall))

    def wall_time(self, event: float) -> float:
        """When the event time is reached."""
        return max(self.started_at + (event - self.start) / self.speed, event)

    @property
    def seconds_behind(self) -> float:
        """How long (s, of the wall clock) it takes to catch up; infinite at speed 1 and behind."""
        gap = (self.started_at - self.start) / 1_000
        if gap <= 0:
            return 0.0
        return gap / (self.speed - 1) if self.speed > 1 else float("inf")
