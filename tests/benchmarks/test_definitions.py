"""The wide definitions, their messages, and the ratios of turns."""

import numpy as np
import pyarrow as pa
import pytest

from benchmarks.definitions.harness.bed import variables
from benchmarks.definitions.harness.figures import Run, rate_table, ratios
from benchmarks.serving.harness.shapes import (
    FIELDS,
    PaymentShape,
    definitions_of,
    shape,
    wide_definitions,
    wide_text,
    with_wide_columns,
)
from benchmarks.serving.harness.traffic import SyntheticTraffic, time_of
from fraud.definitions.loading import parse_definitions
from fraud.features.decoded_batch import decode_batch
from fraud.messages.admission import AdmissionFilter
from fraud.schema import transaction_arrow
from fraud.settings import AdmissionSettings
from tests.definitions import V1


def test_the_wide_definitions_are_those_of_the_bar() -> None:
    wide = wide_definitions()

    assert (len(wide.fields), len(wide.features)) == (40, 150)
    # Each feature of the shipped ones is there, and the same.
    assert {one.hash for one in V1.features} <= {one.hash for one in wide.features}


def test_a_salt_makes_a_file_that_nobody_has_seen() -> None:
    assert parse_definitions(wide_text(salt=5)).digest != wide_definitions().digest


@pytest.mark.parametrize("name", ["v1", "undeclared", "wide"])
def test_every_message_takes_the_fast_path(name: str) -> None:
    # given messages of a shape
    traffic, payments = SyntheticTraffic(100, shape=shape(name)), 50
    values = [traffic.draw(number)[1].encode() for number in range(payments)]
    times = np.array([time_of(number) for number in range(payments)], dtype=np.int64)
    # when they are read by its definitions
    batch = decode_batch(AdmissionFilter(definitions_of(shape(name)), AdmissionSettings()), values, times)
    # then compiled code reads all
    assert (len(batch), batch.fast) == (payments, payments)


def test_the_columns_of_a_history_are_those_of_the_lake() -> None:
    # given a table with one column
    table = with_wide_columns(pa.table({"amount": pa.array(range(10))}), 1)
    # then it has one for each of the further fields, of the lake's type
    schema = transaction_arrow(wide_definitions())
    for name in FIELDS:
        assert table[name].cast(schema.field(name).type).null_count == 0


def test_an_unknown_shape_is_refused() -> None:
    with pytest.raises(ValueError, match="use v1, undeclared or wide"):
        shape("narrow")


def test_a_ratio_is_the_median_of_the_turns_ratios() -> None:
    # given turns in which the machine was slower and slower
    runs = {
        "against": [Run(100, 1.0, 1.0), Run(100, 2.0, 1.0), Run(100, 4.0, 1.0)],
        "v1": [Run(100, 2.0, 1.0), Run(100, 4.0, 1.0), Run(100, 4.0, 1.0)],
    }
    # then neighbours are compared
    assert ratios(runs, "against")["v1"] == 0.5
    assert ratios(runs, "nothing") == {}
    rows = [*rate_table(runs, {"v1": "v1", "against": "other"}, "messages")]
    assert "| v1 | 25 | 25 | 50 | 10000.00 | 1.000 | 0.500 | 0.97 |" in rows


def test_settings_are_exported_only_as_far_as_they_are_given() -> None:
    values = {"home": "/h", "kafka": {"partitions": 4}, "definitions": None}

    assert variables(values) == {"FRAUD_HOME": "/h", "FRAUD_KAFKA__PARTITIONS": "4"}


def test_a_shape_without_a_text_has_the_shipped_definitions(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("shapes")

    assert shape("v1").write_definitions(folder) is None
    made = PaymentShape("wide", wide_text(), lambda _: "").write_definitions(folder)
    assert made is not None
    assert made.read_text(encoding="utf-8") == wide_text()
