"""How a part is measured."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Options:
    """How a part is measured.

    Attributes:
        against: the folder of another checkout; None without one.
        tiny: whether small sizes are enough, since nothing is saved.
    """

    against: Path | None
    tiny: bool
