"""Digests of the features of two million simulated payments: they prove that the kernel computes the same.

    python -m benchmarks.golden            # compare with golden.json; ends with 1 if a feature differs
    python -m benchmarks.golden --write    # replace golden.json, after a deliberate change

The payments are the default scenario's, in the order of delivery: some late, some delivered twice, and every
seventh has the time of its card's payment before, so that some of a card are simultaneous.
"""

import json
import sys
from collections.abc import Iterator
from datetime import date
from hashlib import blake2b
from pathlib import Path
from typing import Annotated

import numpy as np
import pyarrow as pa
import typer

from fraud.definitions.loading import load_definitions
from fraud.features.table import compute_features
from producer.scenario import load_scenario
from producer.simulator.traffic import DayOfTraffic, simulate

GOLDEN = Path(__file__).with_name("golden.json")
PAYMENTS = 2_000_000
SMALL = 60_000
"""Payments of the small scenario, which the tests compare: enough days for profiles."""
_SEED, _START = 16, date(2026, 1, 1)


def payments_and_labels(count: int) -> tuple[pa.Table, pa.Table]:
    """The first `count` deliveries, and the labels of their days."""
    days, total = [], 0
    scenario = load_scenario("small" if count == SMALL else "default")
    for day in simulate(scenario, _SEED, _START):
        days.append(day)
        total += len(day.deliveries)
        if total >= count:
            break
    transactions = pa.concat_tables(_with_simultaneous(day) for day in days).slice(0, count)
    return transactions, pa.concat_tables(day.labels for day in days)


def _with_simultaneous(day: DayOfTraffic) -> pa.Table:
    times = day.transactions["timestamp"].to_numpy().copy()
    cards = day.transactions["card_id"].combine_chunks().dictionary_encode().indices.to_numpy()
    by_card = np.lexsort((times, cards))
    before, after = by_card[:-1], by_card[1:]
    moved = (cards[before] == cards[after]) & (after % 7 == 0)
    times[after[moved]] = times[before[moved]]
    index = day.transactions.column_names.index("timestamp")
    table = day.transactions.set_column(index, day.transactions.schema.field(index), pa.array(times))
    return table.take(pa.array(day.deliveries))


def digests(count: int) -> dict[str, str]:
    """A digest of each feature's column, and of which payments have a row."""
    transactions, labels = payments_and_labels(count)
    definitions = load_definitions()
    found = compute_features(definitions, transactions, labels, lambda *_: None)
    columns = {name: found.rows[:, number].tobytes() for number, name in enumerate(definitions.feature_names)}
    columns["rows"] = found.indices.tobytes()
    return {name: blake2b(column, digest_size=8).hexdigest() for name, column in columns.items()}


def differences(count: int) -> Iterator[str]:
    """The features of which the digest differs from the stored one."""
    stored: dict[str, str] = json.loads(GOLDEN.read_text(encoding="utf-8"))[str(count)]
    now = digests(count)
    yield from (name for name in stored if now.get(name) != stored[name])
    yield from (name for name in now if name not in stored)


def main(write: Annotated[bool, typer.Option(help="Replace the stored digests.")] = False) -> None:
    """Compare the features of two million payments with the stored digests."""
    if write:
        stored = {str(count): digests(count) for count in (SMALL, PAYMENTS)}
        GOLDEN.write_text(json.dumps(stored, indent=1) + "\n", encoding="utf-8")
        return
    found = list(differences(PAYMENTS))
    print(
        "\n".join(f"{name} differs" for name in found)
        or f"{len(load_definitions().features)} features are the same"
    )
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    typer.run(main)
