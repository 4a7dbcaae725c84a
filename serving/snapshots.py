"""Snapshots of partitions in the lake; they shorten the replay and are never needed."""

from fraud.settings import Settings
from serving.state import Committed, PartitionState


class Snapshots:
    """Finds the state from which the replay begins."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def load(self, partition: int, committed: Committed) -> PartitionState | None:
        """The newest usable snapshot that is not beyond `committed`; None: replay."""
        return None
