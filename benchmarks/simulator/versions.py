"""What versions of the simulator's scenarios are like, side by side: the table of docs/design/simulator.md.

    python -m benchmarks.simulator v1/small v2/small

Each scenario makes nine weeks. A model is trained once, on the features and the truth of half of the card
holders in the first four weeks. Of the other half it is measured, in the same weeks and in the last four, how
many of the frauds are among as many payments, those of the highest scores, as there are frauds. Merchants'
profiles are left out.
"""

import argparse
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from datetime import date, timedelta

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import xgboost as xgb

from fraud.definitions.loading import load_definitions
from fraud.features.events import encode_table
from fraud.features.store import CardStore
from producer.scenario import load_scenario
from producer.simulator import DayOfTraffic, Simulator

_START = date(2026, 3, 2)
_WEEKS = 9
_TRAIN_DAYS = 28
_LATER = 35
"""The first day of the later weeks."""
_ROUNDS = 100

Flags = npt.NDArray[np.bool_]
Rows = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Properties:
    """Of one scenario and seed; shares lie between 0 and 1.

    Attributes:
        payments_per_s: made in a second of one processor, after the first day.
        fraud: share of the payments.
        frauds_per_card: fraudulent payments of each card that has any.
        after_report: share of the payments made with a card of which fraud was reported before, rightly.
        frauds_after_report: of the frauds.
        at_new_merchants: share of the last five weeks' payments at merchants with none in the first four.
        same_weeks, later_weeks: recall of the model.
    """

    payments_per_s: float
    fraud: float
    frauds_per_card: float
    after_report: float
    frauds_after_report: float
    at_new_merchants: float
    same_weeks: float
    later_weeks: float


def main() -> None:
    """Measure the scenarios and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("scenarios", nargs="+")
    parser.add_argument("--seeds", type=int, default=4, help="how many worlds of each scenario")
    parser.add_argument("--cards", type=int, help="instead of the scenario's")
    given = parser.parse_args()
    measured = {
        name: [measure(name, seed, given.cards) for seed in range(1, given.seeds + 1)]
        for name in given.scenarios
    }
    print("\n".join(table(measured)))


def measure(scenario: str, seed: int, cards: int | None) -> Properties:
    """Make the weeks of a world and measure them."""
    simulator = Simulator(load_scenario(scenario, cards=cards), seed, _START)
    days = [simulator.day(_START)]
    started = time.process_time()
    days += [simulator.day(_START + timedelta(days=number)) for number in range(1, 7 * _WEEKS)]
    seconds = time.process_time() - started
    fraud = np.concatenate([_is_fraud(day) for day in days])
    after = _after_reports(days)
    made = sum(day.transactions.num_rows for day in days[1:])
    same_weeks, later_weeks = _recalls(days)
    return Properties(
        payments_per_s=made / seconds,
        fraud=float(fraud.mean()),
        frauds_per_card=_frauds_per_card(days, fraud),
        after_report=float(after.mean()),
        frauds_after_report=float(after[fraud].mean()),
        at_new_merchants=_at_new_merchants(days),
        same_weeks=same_weeks,
        later_weeks=later_weeks,
    )


def table(measured: dict[str, list[Properties]]) -> Iterator[str]:
    """A row for each property: the mean over the seeds, and the lowest and the highest."""
    yield f"| property | {' | '.join(measured)} |"
    yield "|---|" + "---|" * len(measured)
    for field in fields(Properties):
        cells = []
        for found in measured.values():
            values = [asdict(one)[field.name] for one in found]
            cells.append(f"{_written(np.mean(values))} [{_written(min(values))}, {_written(max(values))}]")
        yield f"| {field.name} | {' | '.join(cells)} |"


def _written(value: float | np.floating) -> str:
    return f"{value:,.0f}" if value > 100 else f"{value:.4f}"


def _is_fraud(day: DayOfTraffic) -> Flags:
    flags: Flags = day.truth["is_fraud"].to_numpy(zero_copy_only=False)
    return flags


def _column(days: list[DayOfTraffic], name: str) -> pa.ChunkedArray:
    return pa.chunked_array([chunk for day in days for chunk in day.transactions[name].chunks])


def _frauds_per_card(days: list[DayOfTraffic], fraud: Flags) -> float:
    return float(fraud.sum() / len(_column(days, "card_id").filter(pa.array(fraud)).unique()))


def _after_reports(days: list[DayOfTraffic]) -> Flags:
    """By payment: whether fraud with its card was truly reported before."""
    reported: dict[str, int] = {}
    for day in days:
        frauds = set(day.transactions["transaction_id"].filter(pa.array(_is_fraud(day))).to_pylist())
        for label in day.labels.select(["transaction_id", "card_id", "is_fraud", "reported_at"]).to_pylist():
            if label["is_fraud"] and label["transaction_id"] in frauds:
                card, at = label["card_id"], label["reported_at"]
                reported[card] = min(at, reported.get(card, at))
    never = np.iinfo(np.int64).max
    first = np.array([reported.get(card, never) for card in _column(days, "card_id").to_pylist()])
    after: Flags = _column(days, "timestamp").to_numpy() > first
    return after


def _at_new_merchants(days: list[DayOfTraffic]) -> float:
    known = set(_column(days[:_TRAIN_DAYS], "merchant_id").to_pylist())
    later = _column(days[_TRAIN_DAYS:], "merchant_id").to_pylist()
    return float(np.mean([merchant not in known for merchant in later]))


def _recalls(days: list[DayOfTraffic]) -> tuple[float, float]:
    """Of the holders whom the model does not know: in the weeks of its training, and in the later ones."""
    definitions = load_definitions()
    store = CardStore(definitions)
    rows = np.vstack([store.process(encode_table(definitions, day.transactions))[0] for day in days])
    fraud = np.concatenate([_is_fraud(day) for day in days])
    number = np.repeat(np.arange(len(days)), [day.transactions.num_rows for day in days])
    # A card's identifier is card-HOLDER-NUMBER.
    holders = pc.utf8_slice_codeunits(_column(days, "card_id"), 5, 12)
    others = holders.cast(pa.int64()).to_numpy() % 2 == 1
    first = number < _TRAIN_DAYS
    model = _train(rows[first & ~others], fraud[first & ~others])
    same, later = (
        _recall(model.predict(xgb.DMatrix(rows[chosen])), fraud[chosen])
        for chosen in (first & others, (number >= _LATER) & others)
    )
    return same, later


def _train(rows: Rows, fraud: Flags) -> xgb.Booster:
    params = {"objective": "binary:logistic", "max_depth": 6, "eta": 0.1, "nthread": 2, "seed": 1}
    return xgb.train(params, xgb.DMatrix(rows, fraud), num_boost_round=_ROUNDS)


def _recall(scores: npt.NDArray[np.float32], fraud: Flags) -> float:
    flagged = np.argsort(-scores, kind="stable")[: int(fraud.sum())]
    return float(fraud[flagged].mean())
