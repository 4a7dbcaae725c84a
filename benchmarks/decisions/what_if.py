"""What a what-if takes over a million logged predictions: `python -m benchmarks.decisions.what_if [--save]`.

The predictions are on a real topic, payments, training rows and labels in a lake on this disk. The time has
all of it: reading the topic and the lake, joining, deciding by the candidate, by its bands alone and by the
live policy, figures with their intervals. Starting Python and loading compiled code is not in it.
"""

import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import msgspec
import numpy as np
import pyarrow as pa
from confluent_kafka import Producer

from benchmarks.results import Section, conditions, save_section
from deployments.local.kafka import EmbeddedKafka
from fraud.decisions.document import default_policy, read_policy
from fraud.decisions.list_index import ListIndex
from fraud.decisions.outcomes import Outcome
from fraud.decisions.policy import Policy
from fraud.decisions.whatif.run import decide_again, load_inputs, named_values
from fraud.definitions.definitions import Definitions
from fraud.definitions.features import DAY_MS, FEATURE_VERSION
from fraud.ingest.commits import Commit, Dataset, LakeFile, day_of, write_commit
from fraud.kafka.clients import flush, producer_config
from fraud.kafka.topics import create_topics
from fraud.lake import Lake, open_lake
from fraud.machine.ending import end_in_order
from fraud.preprocess.days import DayManifest, day_folder, features_dataset, write_day
from fraud.schema import LABEL_ARROW, Prediction, transaction_arrow
from fraud.settings import Settings, load_settings

COUNT, DAYS, CARDS, ENTRIES = 1_000_000, 30, 50_000, 100_000
POLICY = Path(__file__).parents[2] / "examples" / "policies" / "acquirer.yaml"
_FRAUD, _PARTITIONS = 0.003, 4

_T = TypeVar("_T")


@dataclass(frozen=True)
class WhatIfSeconds:
    """Seconds of one what-if."""

    load: float
    decide: float

    @property
    def total(self) -> float:
        """Of all of it."""
        return self.load + self.decide


def main(runs: int = 3) -> None:
    """Measure and print; --save writes `benchmarks/RESULTS.md`."""
    end_in_order()
    under = conditions()
    with tempfile.TemporaryDirectory() as folder, EmbeddedKafka(Path(folder) / "kafka") as kafka:
        settings = load_settings(
            home=Path(folder), kafka={"bootstrap_servers": kafka.bootstrap_servers, "retention_days": -1}
        )
        write_scored(settings, COUNT)
        policy = read_policy(settings.loaded_definitions, POLICY)
        measured = [measure(settings, policy) for _ in range(runs)]
    best = min(measured, key=lambda one: one.total)
    title = f"A what-if over {COUNT:,} logged predictions, {len(policy.rules)} rules, lists of {ENTRIES:,}"
    figures = {"load_s": best.load, "decide_s": best.decide, "total_s": best.total, "runs": runs}
    section = Section("what_if", title, figures, list(_table(best)))
    print("\n".join([f"## {section.title}", "", *section.table, ""]))
    if "--save" in sys.argv[1:]:
        save_section(section, under)


def _table(best: WhatIfSeconds) -> Iterator[str]:
    yield "| step | seconds |"
    yield "|---|---|"
    yield f"| read predictions, payments, features and labels, and join them | {best.load:.1f} |"
    yield f"| decide three times, figures with intervals | {best.decide:.1f} |"
    yield f"| all | {best.total:.1f} |"


def measure(settings: Settings, policy: Policy) -> WhatIfSeconds:
    """One what-if with full lists, against the default policy."""
    definitions = settings.loaded_definitions
    live, lists, now = default_policy(definitions), _lists(policy), int(time.time() * 1_000) + DAY_MS
    named = named_values(definitions, (policy, live))
    load, prepared = _timed(lambda: load_inputs(settings, named, DAYS + 1, now))
    decide, result = _timed(lambda: decide_again(definitions, prepared, policy, live, lists))
    assert result.payments == COUNT
    return WhatIfSeconds(load, decide)


def _timed(call: Callable[[], _T]) -> tuple[float, _T]:
    started = time.perf_counter()
    result = call()
    return time.perf_counter() - started, result


def _lists(policy: Policy) -> ListIndex:
    index = ListIndex()
    for one in policy.lists:
        values = ("FR", "BR") if one.field == "country" else (f"entry-{row}" for row in range(ENTRIES))
        index.put_all(one.name, ((value, None) for value in values))
    return index


def write_scored(settings: Settings, count: int) -> None:
    """Payments with features and labels in the lake, and their predictions on Kafka."""
    create_topics(settings)
    random, lake, definitions = np.random.default_rng(1), open_lake(settings), settings.loaded_definitions
    start = int(time.time() * 1_000) // DAY_MS - DAYS
    times = np.sort(start * DAY_MS + random.integers(0, DAYS * DAY_MS, count))
    table = _payments(definitions, random, times)
    frauds = random.random(count) < _FRAUD
    _write_days(lake, "transactions", table)
    _write_features(definitions, lake, random, table)
    _write_days(lake, "labels", _labels(table, frauds))
    scores = np.where(frauds, random.beta(4, 2, count), random.beta(1, 30, count))
    _send(settings, table, scores)


def _payments(
    definitions: Definitions, random: np.random.Generator, times: np.ndarray[tuple[int], np.dtype[np.int64]]
) -> pa.Table:
    count = len(times)
    cards, merchants = random.integers(0, CARDS, count), random.integers(0, 3_000, count)
    columns = {
        "partition": cards % _PARTITIONS,
        "offset": np.arange(count),
        "kafka_timestamp": times,
        "transaction_id": [f"transaction-{row:012}" for row in range(count)],
        "card_id": [f"card-{card:010}" for card in cards],
        "merchant_id": [f"merchant-{merchant:06}" for merchant in merchants],
        "amount": random.lognormal(8, 1, count).astype(np.int64),
        "currency": ["EUR"] * count,
        "timestamp": times,
        "merchant_category": [("grocery", "travel", "digital", "charity")[one] for one in merchants % 4],
        "channel": [("online", "chip")[one] for one in merchants % 2],
        "country": [("FR", "DE", "BR", "US", "IT")[one] for one in merchants % 5],
    }
    schema = transaction_arrow(definitions)
    arrays = [
        pa.array(columns[field.name]).cast(field.type)
        if field.name in columns
        else pa.nulls(count, field.type)
        for field in schema
    ]
    return pa.Table.from_arrays(arrays, schema.names)


def _labels(payments: pa.Table, frauds: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> pa.Table:
    reported = payments.filter(pa.array(frauds))
    times = pa.array(reported["timestamp"].to_numpy() + 3 * DAY_MS)
    given = {
        "kafka_timestamp": times,
        "reported_at": times,
        "is_fraud": pa.array([True] * reported.num_rows),
        "source": pa.array(["chargeback"] * reported.num_rows),
    }
    columns = [
        given.get(field.name, reported[field.name] if field.name not in given else None)
        for field in LABEL_ARROW
    ]
    return pa.Table.from_arrays(columns, LABEL_ARROW.names)


def _write_days(lake: Lake, dataset: Dataset, table: pa.Table) -> None:
    files = []
    for number, (day, part) in enumerate(
        _by_day(table, "reported_at" if dataset == "labels" else "timestamp")
    ):
        path = f"{dataset}/date={day}/p0-{number}.parquet"
        lake.write_table(part, path)
        files.append(LakeFile(path, day_of(day * DAY_MS), 0, number, number + 1, part.num_rows, 0, 0))
    newest = int(table["kafka_timestamp"].to_numpy().max())
    commit = Commit(dataset, dataset, 0, 0, len(files), table.num_rows, 0, [], 0, newest, files)
    write_commit(lake, commit)


def _write_features(
    definitions: Definitions, lake: Lake, random: np.random.Generator, payments: pa.Table
) -> None:
    dataset = features_dataset(definitions)
    for day, part in _by_day(payments.select(["transaction_id", "card_id", "timestamp"]), "timestamp"):
        for name in definitions.feature_names:
            values = random.lognormal(0, 1, part.num_rows).astype(np.float32)
            part = part.append_column(name, pa.array(values))
        path = f"{day_folder(dataset, day_of(day * DAY_MS))}/part-0.parquet"
        lake.write_table(part, path)
        write_day(lake, dataset, DayManifest(day_of(day * DAY_MS), "made up", [path], part.num_rows))


def _by_day(table: pa.Table, column: str) -> Iterator[tuple[int, pa.Table]]:
    days = table[column].to_numpy() // DAY_MS
    for day in np.unique(days):
        first, last = np.searchsorted(days, [day, day + 1])
        yield int(day), table.slice(int(first), int(last - first))


def _send(
    settings: Settings, payments: pa.Table, scores: np.ndarray[tuple[int], np.dtype[np.float64]]
) -> None:
    producer, encode = Producer(producer_config(settings)), msgspec.json.Encoder().encode
    topic, now = settings.topics.predictions, int(datetime.now(UTC).timestamp() * 1_000)
    columns = [payments[name].to_pylist() for name in ("transaction_id", "card_id", "timestamp", "amount")]
    for identifier, card, time_ms, amount, score in zip(*columns, scores.tolist(), strict=True):
        outcome: Outcome = "review" if score >= 0.5 else "approve"
        made = Prediction(
            identifier, card, time_ms, amount, "EUR", score, outcome, 0.5, "fraud-detector", "1",
            FEATURE_VERSION, now, model_digest="0" * 16,
        )  # fmt: skip
        producer.produce(topic, encode(made), card)
        producer.poll(0)
    flush(producer, 120)


if __name__ == "__main__":
    main()
