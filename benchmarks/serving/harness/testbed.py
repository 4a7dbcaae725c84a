"""Testbed of a benchmark: its own broker and folder, and settings for the processes that it starts."""

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.serving.harness.model import trained_model
from deployments.local.kafka import EmbeddedKafka
from fraud.env_export import environment_variables
from fraud.kafka.topics import create_topics
from fraud.registry.bundle import ModelBundle
from fraud.registry.cache import save_bundle
from fraud.settings import Settings, load_settings

PARTITIONS = 4
NO_REGISTRY = {"tracking_uri": "http://127.0.0.1:1", "request_retries": 0, "poll_interval_s": 3_600.0}
"""The model is on disk; nothing answers at this address."""


@dataclass(frozen=True)
class Testbed:
    """A running broker, an empty folder and a model."""

    folder: Path
    bootstrap_servers: str
    bundle: ModelBundle

    def settings(self, name: str, *, topic: str | None = None, **serving: Any) -> Settings:
        """Settings of one system under test: its own home, group and predictions.

        Creates its topics and saves its model. `topic` names the input if several share one.
        """
        source = topic or f"transactions.{name}"
        made = load_settings(
            home=self.folder / name,
            kafka={
                "bootstrap_servers": self.bootstrap_servers,
                "retention_days": -1,
                "partitions": PARTITIONS,
            },
            topics={
                "transactions": source,
                "predictions": f"predictions.{name}",
                "dead_letters": f"{source}.dlq",
            },
            registry=NO_REGISTRY,
            serving={"group_id": name, "transactional_id": name, "snapshot_interval_s": 0} | serving,
        )
        create_topics(made)
        save_bundle(self.bundle, made.home / "serving" / "model")
        return made


@contextmanager
def testbed() -> Iterator[Testbed]:
    """A testbed until the block ends."""
    with tempfile.TemporaryDirectory(prefix="fraud-benchmark-") as name:
        folder = Path(name)
        with EmbeddedKafka(folder / "kafka") as kafka:
            yield Testbed(folder, kafka.bootstrap_servers, trained_model())


def environment(settings: Settings) -> dict[str, str]:
    """The environment in which another process loads these settings."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("FRAUD_")}
    return inherited | environment_variables(settings)


def print_progress(text: str) -> None:
    """Print progress to standard error."""
    print(text, file=sys.stderr, flush=True)
