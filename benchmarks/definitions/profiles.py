"""`python -m benchmarks.definitions profiles`: what profiles of ids and categories cost the serving loop.

Three fields with four features each. The features of a micro-batch are computed again and again, alone; a run
of profiles is taken over at once, which the loop waits for.
"""

import statistics
import time
from collections.abc import Callable
from itertools import product

import numpy as np

from benchmarks.definitions.options import Options
from benchmarks.results import Section
from fraud.definitions.definitions import Definitions
from fraud.definitions.loading import parse_definitions
from fraud.features.events import Events
from serving.pipeline.field_profiles import ServedProfiles
from serving.pipeline.profile_runs import ProfileRun

_FIELDS, _VALUES = ("device_id", "merchant_id", "entry_mode"), ("count", "frauds", "fraud_rate", "age")
_HEAD = """\
version: 1
fields:
  transaction_id: {type: id}
  card_id: {type: id}
  merchant_id: {type: id}
  amount: {type: money, currency: currency}
  currency: {type: currency}
  timestamp: {type: time}
  device_id: {type: id, optional: true}
  entry_mode: {type: category, optional: true}
profiles: {every: 15m}
features:
  - {name: amount, transform: value, of: amount}
"""
_KEYS, _CHANGED, _TINY = 200_000, 20_000, 1_000
_BATCHES = (8, 1_000)
_REPEATS, _ROUNDS = 200, 9


def run(options: Options) -> Section:
    """Measure the features of a payment, and the taking over of a run."""
    definitions, keys = _definitions(), _TINY if options.tiny else _KEYS
    generator = np.random.default_rng(7)
    profiles, first = ServedProfiles(definitions), _run_of(definitions, keys, generator)
    seconds = {"first": _seconds(lambda: profiles.apply(first))}
    changed = _run_of(definitions, min(keys, _CHANGED), generator)
    seconds["changed"] = _seconds(lambda: profiles.apply(changed))
    micros = {size: _micros_a_payment(definitions, profiles, first, size) for size in _BATCHES}
    rows = [
        f"| features, a payment in a micro-batch of {size:,} | {value:.2f} µs |"
        for size, value in micros.items()
    ]
    rows += [
        f"| the first run, {_size(first):,} keys | {seconds['first'] * 1_000:.0f} ms |",
        f"| a run of {_size(changed):,} keys, most of them new | {seconds['changed'] * 1_000:.0f} ms |",
    ]
    figures = {"micros": {str(size): value for size, value in micros.items()}, "run_seconds": seconds}
    title = f"Profiles of {len(_FIELDS)} fields with {len(_VALUES)} features each, in the serving loop"
    return Section("definitions_profiles", title, figures, ["| | |", "|---|---|", *rows])


def _definitions() -> Definitions:
    lines = (
        f"  - {{name: {field}_{value}, profile: {field}, value: {value}, window: 7d}}\n"
        for field, value in product(_FIELDS, _VALUES)
    )
    return parse_definitions(_HEAD + "".join(lines), "profiles.yaml")


def _run_of(definitions: Definitions, size: int, generator: np.random.Generator) -> ProfileRun:
    """A run of so many devices and merchants, and of 100 entry modes."""
    keys = {field: np.unique(generator.integers(1, 1 << 62, size)) for field in _FIELDS[:2]}
    keys[_FIELDS[2]] = np.arange(1, 101)
    width = {field: len(columns) for field, columns in ServedProfiles(definitions).columns.items()}
    figures = {field: generator.integers(1, 1_000, (len(of), width[field])) for field, of in keys.items()}
    return ProfileRun(1_960_000, keys, figures, {})


def _size(one: ProfileRun) -> int:
    return sum(map(len, one.keys.values()))


def _micros_a_payment(
    definitions: Definitions, profiles: ServedProfiles, run: ProfileRun, size: int
) -> float:
    generator, events = np.random.default_rng(size), Events.empty(size, definitions)
    for field, keys in run.keys.items():
        events.values[:, definitions.field_index[field]] = generator.choice(keys, size)

    def compute() -> None:
        for _ in range(_REPEATS):
            profiles.compute([events])

    return statistics.median(_seconds(compute) for _ in range(_ROUNDS)) / _REPEATS / size * 1e6


def _seconds(call: Callable[[], object]) -> float:
    started = time.perf_counter()
    call()
    return time.perf_counter() - started
