"""From the lake to a model with fields and features that a file of definitions has added."""

from collections.abc import Iterator
from contextlib import nullcontext
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pytest
import xgboost as xgb
from pyspark.sql import SparkSession

from fraud.definitions.definitions import Definitions
from fraud.definitions.features import DAY_MS, FEATURE_VERSION
from fraud.errors import IncompatibleModelError
from fraud.features.events import encode_transactions
from fraud.features.store import CardStore
from fraud.ingest.commits import day_of
from fraud.lake import Lake, open_lake
from fraud.lineage.features import find_features
from fraud.machine.spark_environment import spark_environment
from fraud.messages.admission import AdmissionFilter, Admitted
from fraud.native.id_index import ACCEPTED
from fraud.preprocess.days import feature_files, features_dataset, read_days
from fraud.preprocess.plan import days_between
from fraud.preprocess.profiles import make_profiles
from fraud.preprocess.rows import make_rows
from fraud.registry.bundle import check_compatible, make_bundle, read_bundle, write_bundle
from fraud.schema import Prediction
from fraud.settings import AdmissionSettings, Settings, SparkSettings
from fraud.spark import spark_session
from fraud.training.contracts.rows import require_valid_rows
from fraud.training.dataset import feature_matrix
from fraud.training.history import load_history
from serving.models.serving_model import prepare_model
from tests.definitions import EXTENDED, EXTENDED_FILE, EXTENDED_ONLY, V1
from tests.fraud.lakes import PARTITIONS, GrowingLake
from tests.fraud.streams import START_MS, accidental_stream

pytestmark = [pytest.mark.spark, pytest.mark.timeout(600)]

FIRST = day_of(START_MS)
DAYS = 40
DECLARED_AFTER_MS = START_MS + 20 * DAY_MS
LAST = FIRST + timedelta(days=DAYS - 1)


@pytest.fixture(scope="module")
def stream() -> list[dict[str, Any]]:
    """Payments of a card from two devices, some keyed in; the new fields come on the 20th day."""
    wires = accidental_stream(600, days=DAYS)
    for number, wire in enumerate(wires):
        if wire["timestamp"] >= DECLARED_AFTER_MS:
            wire["device"] = {"fingerprint": f"device-{wire['card_id']}-{number % 2}", "os": "any"}
            wire["entry_mode"] = "keyed" if number % 5 == 0 else "chip"
            wire["ip_country"] = ["FR", "BR", "DE"][number % 3]
    return wires


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory, stream: list[dict[str, Any]]) -> Lake:
    """Ingested with the shipped definitions first, with the extended ones from the 20th day on."""
    home = tmp_path_factory.mktemp("home")
    before, after = Settings(home=home), Settings(home=home, definitions=EXTENDED_FILE)
    growing = GrowingLake(before, open_lake(before))
    split = next(place for place, one in enumerate(stream) if one["timestamp"] >= DECLARED_AFTER_MS)
    growing.add(growing.transactions, stream[:split])
    growing.use(after)
    growing.add(growing.transactions, stream[split:])
    growing.add(growing.labels, [_report(one) for one in stream[::9]])
    return growing.lake


def _report(wire: dict[str, Any]) -> dict[str, Any]:
    reported = {"is_fraud": True, "reported_at": wire["timestamp"] + DAY_MS, "source": "chargeback"}
    return {name: wire[name] for name in ("transaction_id", "card_id")} | reported


@pytest.fixture(scope="module")
def spark() -> Iterator[SparkSession]:
    java = Path(spark_environment()["JAVA_HOME"])
    with spark_session(SparkSettings(master="local[2]", driver_memory="1g", java_home=java)) as session:
        yield session


@pytest.fixture(scope="module")
def made(spark: SparkSession, lake: Lake) -> dict[str, pa.Table]:
    """The rows of both definitions from one lake, by tag."""
    days, found = days_between(FIRST, LAST), {}
    make_profiles(V1, lake, days, lambda: nullcontext(spark))
    for definitions in (V1, EXTENDED):
        make_rows(definitions, lake, days, AdmissionSettings().lateness, 1_000, lambda: nullcontext(spark))
        paths = feature_files(definitions, lake, FIRST, LAST)
        rows = pa.concat_tables([lake.read_table(path) for path in paths])
        found[definitions.tag] = rows.sort_by([("partition", "ascending"), ("offset", "ascending")])
    return found


def served(definitions: Definitions, stream: list[dict[str, Any]]) -> dict[tuple[str, str], np.ndarray]:
    """The kernel features that serving computes message by message, by card and id."""
    found: dict[tuple[str, str], np.ndarray] = {}
    for partition in range(PARTITIONS):
        store = CardStore(definitions)
        admission = AdmissionFilter(definitions, AdmissionSettings())
        for wire in stream:
            if int(wire["card_id"].rpartition("-")[2]) % PARTITIONS != partition:
                continue
            admitted = admission.validate(msgspec.json.encode(_as_seen(definitions, wire)), wire["timestamp"])
            assert isinstance(admitted, Admitted)
            features, outcomes = store.process(encode_transactions(definitions, [admitted]))
            if outcomes[0] == ACCEPTED:
                found[wire["card_id"], wire["transaction_id"]] = features[0]
    return found


def _as_seen(definitions: Definitions, wire: dict[str, Any]) -> dict[str, Any]:
    return wire if "device_id" in definitions.field_index else {
        name: value for name, value in wire.items() if name not in ("device", "entry_mode", "ip_country")
    }  # fmt: skip


@pytest.mark.parametrize("definitions", [V1, EXTENDED], ids=["shipped", "extended"])
def test_rows_equal_what_serving_computes_to_the_bit(
    made: dict[str, pa.Table], stream: list[dict[str, Any]], definitions: Definitions
) -> None:
    # given what serving computes of the same stream
    expected = served(definitions, stream)
    # when Spark made the rows from files of which the older lack the new columns
    rows = made[definitions.tag]
    names = [feature.name for feature in definitions.kernel_features]
    payments = zip(rows["card_id"].to_pylist(), rows["transaction_id"].to_pylist(), strict=True)
    found = dict(zip(payments, feature_matrix(rows, names), strict=True))
    # then
    assert found.keys() == expected.keys()
    for payment, vector in found.items():
        np.testing.assert_array_equal(vector, expected[payment], err_msg=str(payment))


def test_the_shipped_features_are_the_same_in_both(made: dict[str, pa.Table]) -> None:
    shipped, extended = (feature_matrix(made[one.tag], V1.feature_names) for one in (V1, EXTENDED))
    assert np.array_equal(shipped, extended, equal_nan=True)


def test_what_was_ingested_before_a_field_existed_is_unknown(made: dict[str, pa.Table]) -> None:
    # given the rows of both halves of the history
    rows = made[EXTENDED.tag]
    before = rows["timestamp"].to_numpy() < DECLARED_AFTER_MS
    new = {name: rows[name].to_numpy() for name in EXTENDED_ONLY}
    # then the first half knows no device, country or entry mode, and the second does
    unknown = ("entry_mode_code", "devices_30d", "device_is_new", "ip_countries_24h")
    assert all(np.isnan(new[name][before]).all() or not new[name][before].any() for name in unknown)
    assert not new["keyed_count_24h"][before].any()
    assert new["devices_30d"][~before].max() == 2
    assert new["keyed_count_24h"].max() >= 1
    assert np.nanmax(new["device_sum_7d"]) > 0


def test_nothing_is_made_again_for_the_other_definitions(
    spark: SparkSession, lake: Lake, made: dict[str, pa.Table]
) -> None:
    assert len(made) == 2
    days = days_between(FIRST, LAST)
    for definitions in (V1, EXTENDED):
        assert read_days(lake, features_dataset(definitions)).keys() == set(days)
        again = make_rows(
            definitions, lake, days, AdmissionSettings().lateness, 1_000, lambda: nullcontext(spark)
        )
        assert again == []


@pytest.fixture(scope="module")
def bundle_folder(lake: Lake, made: dict[str, pa.Table], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model trained on all features, including those that the first half does not know."""
    assert made
    history = load_history(EXTENDED, lake, longest=timedelta(days=60), delay=timedelta(days=2))
    require_valid_rows(EXTENDED, history.data, history.period)
    data = history.data
    matrix = xgb.DMatrix(data.rows, data.labels, feature_names=list(data.feature_names))
    booster = xgb.train({"objective": "binary:logistic", "max_depth": 4, "seed": 1}, matrix, 20)
    folder = tmp_path_factory.mktemp("bundle") / "model"
    write_bundle(make_bundle(EXTENDED, booster, model_name="extended", threshold=0.5), folder)
    return folder


def test_a_model_of_the_new_features_serves_where_they_are_computed(
    bundle_folder: Path, made: dict[str, pa.Table]
) -> None:
    # given the model as the registry has it, and rows of the engine
    bundle = check_compatible(read_bundle(bundle_folder), EXTENDED).verify()
    rows = feature_matrix(made[EXTENDED.tag], EXTENDED.feature_names)
    # when serving prepares it
    model = prepare_model(EXTENDED, bundle)
    # then it scores and explains as it did in training, by all features
    assert np.array_equal(model.score(rows), bundle.score(rows))
    assert model.contributions(rows[:5]).shape == (5, len(EXTENDED.features))
    with pytest.raises(IncompatibleModelError, match=r"entry_mode_code.*does not compute"):
        check_compatible(bundle, V1)


def test_a_prediction_is_explained_by_the_features_that_it_was_made_of(
    lake: Lake, made: dict[str, pa.Table]
) -> None:
    # given predictions of a payment under both definitions, without logged features
    rows = made[EXTENDED.tag]
    row = rows.slice(rows.num_rows - 1).to_pylist()[0]

    def prediction(definitions: str | None) -> Prediction:
        return Prediction(
            row["transaction_id"], row["card_id"], row["timestamp"], row["amount"], "EUR", 0.5, "review", 0.5,
            "extended", "1", FEATURE_VERSION, row["timestamp"], definitions=definitions,
        )  # fmt: skip

    # when their features are looked up where the extended definitions are in force
    own = find_features(EXTENDED, prediction(EXTENDED.digest), lake)
    shipped = find_features(EXTENDED, prediction(None), lake)
    unknown = find_features(EXTENDED, prediction("0" * 16), lake)
    # then each has those of its definitions
    assert own is not None
    assert shipped is not None
    assert own.definitions is EXTENDED
    assert shipped.definitions is V1
    assert dict(zip(EXTENDED.feature_names, own.values, strict=True))["devices_30d"] == row["devices_30d"]
    assert len(shipped.values) == len(V1.features)
    assert unknown is None
