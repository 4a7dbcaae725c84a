"""A broker for variants, and the settings of each as this code and as another checkout loads them."""

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from benchmarks.definitions.harness.checkouts import Variant
from benchmarks.serving.harness.testbed import NO_REGISTRY, PARTITIONS
from deployments.local.kafka import EmbeddedKafka
from fraud.kafka.topics import create_topics
from fraud.settings import Settings, load_settings


@dataclass(frozen=True)
class VariantBed:
    """A running broker, as a process too, and an empty folder."""

    folder: Path
    bootstrap_servers: str
    broker: psutil.Process

    def broker_cpu_s(self) -> float:
        """Processor seconds of the broker so far."""
        times = self.broker.cpu_times()
        return float(times.user + times.system)

    def values(self, variant: Variant, topic: str, **serving: Any) -> dict[str, Any]:
        """The settings of a variant that scores `topic`: its own home, group, predictions and profiles."""
        name = f"{variant.name}.{topic}"
        home = self.folder / name
        definitions = variant.shape.write_definitions(home)
        found: dict[str, Any] = {
            "home": str(home),
            "kafka": {
                "bootstrap_servers": self.bootstrap_servers,
                "retention_days": -1,
                "partitions": PARTITIONS,
            },
            "topics": {
                "transactions": topic,
                "predictions": f"predictions.{name}",
                "dead_letters": f"{topic}.dlq",
                "profiles": f"profiles.{variant.name}",
            },
            "registry": NO_REGISTRY,
            "serving": {"group_id": name, "transactional_id": name, "snapshot_interval_s": 0} | serving,
        }
        return found | ({"definitions": str(definitions)} if definitions else {})

    def settings(self, variant: Variant, topic: str, **serving: Any) -> Settings:
        """The same as this code's settings, whose topics exist."""
        made = load_settings(**self.values(variant, topic, **serving))
        create_topics(made)
        return made


@contextmanager
def variant_bed() -> Iterator[VariantBed]:
    """A testbed until the block ends."""
    with tempfile.TemporaryDirectory(prefix="fraud-benchmark-") as name:
        folder = Path(name)
        with EmbeddedKafka(folder / "kafka") as kafka:
            assert kafka.process is not None
            yield VariantBed(folder, kafka.bootstrap_servers, psutil.Process(kafka.process.pid))


def variables(values: dict[str, Any]) -> dict[str, str]:
    """Only these settings as environment variables: another commit may not know all of ours."""
    return dict(_exported("FRAUD_", values))


def _exported(prefix: str, values: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for name, value in values.items():
        if value is None:
            continue
        if isinstance(value, dict):
            yield from _exported(f"{prefix}{name.upper()}__", value)
        else:
            yield prefix + name.upper(), value if isinstance(value, str) else json.dumps(value)
