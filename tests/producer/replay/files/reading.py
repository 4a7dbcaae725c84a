"""Small files of payments, and what becomes of them without Kafka."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fraud.settings import Settings
from producer.replay.run import ReplayRequest, ReplayResult, replay

HEADER = "transaction_id,card_id,merchant_id,amount,currency,timestamp"
ROWS = (
    "t1,c1,shop-1,12.50,EUR,2026-06-01 10:00:00",
    "t2,c1,shop-2,80.00,EUR,2026-06-01 11:00:00",
    "t3,c2,shop-1,7.20,EUR,2026-06-02 09:30:00",
)
JUNE = 1_780_308_000_000
"""2026-06-01T10:00:00Z."""


@dataclass
class Quiet:
    """Listens to a replay."""

    said: list[str] = field(default_factory=list)

    def message(self, sentence: str) -> None:
        self.said.append(sentence)

    def at(self, stage: str, done: int, total: int | None = None) -> None:
        pass


def dry_run(settings: Settings, path: Path, mapping: str = "", **options: Any) -> ReplayResult:
    """What a replay would publish."""
    if mapping:
        options["columns"] = path.parent / "mapping.yaml"
        options["columns"].write_text(mapping, encoding="utf-8")
    return replay(settings, ReplayRequest(path, dry_run=True, **options), Quiet())


def write(path: Path, *lines: str, ends: str = "\n", encoding: str = "utf-8") -> Path:
    """A text file of these lines."""
    path.write_bytes("".join(line + ends for line in lines).encode(encoding))
    return path
