"""The hand-over of a model from the thread that loads it to the serving loop."""

from queue import SimpleQueue

from serving.models.serving_model import ServingModel


class ModelSlot:
    """The model of one role (champion or challenger), and those that are to replace it.

    Attributes:
        alias: the role's name in the registry.
        current: the model that scores. The serving loop sets it, other threads may read it.
        pending: loaded models, oldest first. The model thread puts, the serving loop takes.
    """

    def __init__(self, alias: str) -> None:
        self.alias = alias
        self.current: ServingModel | None = None
        self.pending: SimpleQueue[ServingModel] = SimpleQueue()

    def take_pending(self) -> ServingModel | None:
        """Empty the queue; returns the newest model, or None when none is pending."""
        newest = None
        while not self.pending.empty():
            newest = self.pending.get_nowait()
        return newest
