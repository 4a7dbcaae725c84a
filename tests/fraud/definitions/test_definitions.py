"""What `Definitions` derives from a file: hashes, derived features, zones, texts, the published schema."""

import json
from pathlib import Path

import jsonschema
import pytest
import yaml

from fraud.definitions.definitions import Definitions
from fraud.definitions.features import Feature, FeatureKind, Operation
from fraud.definitions.loading import SHIPPED, load_definitions, parse_definitions
from fraud.definitions.schema import SCHEMA_FILE, schema_text
from tests.definitions import EXTENDED_FILE, V1
from tests.fraud.definitions.files import with_features, with_fields

PAYMENTS = "{name: payments, aggregate: count, window: 1h}"


def features_of(*lines: str) -> dict[str, Feature]:
    return parse_definitions(with_features(*lines)).feature_by_name


def hash_of(line: str, fields: str = "") -> str:
    return parse_definitions(with_fields(*([fields] if fields else [])) + f"  - {line}\n").features[-1].hash


# --------------------------------------------------------------------------- hashes


def test_the_shipped_definitions_keep_their_tag() -> None:
    # Folders of the lake and of snapshots bear it, and models of before have the hashes of its features.
    assert V1.tag == "v1"
    assert len({feature.hash for feature in V1.features}) == len(V1.features) == 49


@pytest.mark.parametrize(
    "same",
    [
        "{name: b, aggregate: sum, of: amount, window: 1h}",
        "{name: a, aggregate: sum, of: amount, window: 60m}",
        "{name: a, aggregate: sum, of: amount, window: 1h, entity: card, text: spent}",
    ],
)
def test_a_hash_is_of_what_is_computed(same: str) -> None:
    assert hash_of(same) == hash_of("{name: a, aggregate: sum, of: amount, window: 1h}")


@pytest.mark.parametrize(
    "other",
    [
        "{name: a, aggregate: mean, of: amount, window: 1h}",
        "{name: a, aggregate: sum, of: points, window: 1h}",
        "{name: a, aggregate: sum, of: amount, window: 2h}",
        "{name: a, aggregate: sum, of: amount, window: 1h, where: {is_chip: true}}",
    ],
)
def test_what_is_computed_otherwise_has_another_hash(other: str) -> None:
    assert hash_of(other) != hash_of("{name: a, aggregate: sum, of: amount, window: 1h}")


@pytest.mark.parametrize(
    ("field", "is_same"),
    [
        ("x: {type: id, path: x, max_length: 20}", True),
        ("x: {type: id, path: other}", False),
        ("x: {type: category, path: x}", False),
    ],
)
def test_a_hash_has_what_of_a_field_changes_the_values(field: str, is_same: bool) -> None:
    line = "{name: a, aggregate: distinct, of: x, window: 1h}"

    assert (hash_of(line, field) == hash_of(line, "x: {type: id, optional: true}")) is is_same


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("entry_mode: chip, is_chip: true", "is_chip: true, entry_mode: chip"),
        ("age: {at_least: 0}", "age: {at_least: -0.0}"),
    ],
)
def test_filters_that_hold_for_the_same_payments_have_the_same_hash(one: str, other: str) -> None:
    line = "{name: a, aggregate: count, window: 1h, where: {FILTER}}"

    assert hash_of(line.replace("FILTER", one)) == hash_of(line.replace("FILTER", other))


@pytest.mark.parametrize("value", ["amount_mean", "amount_std", "amount_ratio", "amount_zscore"])
def test_a_profile_of_amounts_in_a_base_has_another_hash(tmp_path: Path, value: str) -> None:
    text = with_features(f"{{name: a, profile: device_id, value: {value}, window: 1d}}", PAYMENTS)
    (tmp_path / "rates.csv").write_text("date,currency,rate\n2026-01-01,USD,1.1\n")
    (tmp_path / "base.yaml").write_text(text + "money: {base: EUR, rates: rates.csv}\n")
    as_paid, in_base = parse_definitions(text), load_definitions(tmp_path / "base.yaml")

    assert as_paid.feature_by_name["a"].hash != in_base.feature_by_name["a"].hash
    assert as_paid.profile_digest != in_base.profile_digest


@pytest.mark.parametrize("field", ["card_id", "timestamp"])
def test_other_cards_or_times_give_aggregates_another_hash(field: str) -> None:
    # given the shipped definitions, with the card or the time read from elsewhere
    text = SHIPPED.read_text(encoding="utf-8")
    moved = parse_definitions(text.replace(f"  {field}: {{", f"  {field}: {{path: other.{field}, "), "f.yaml")
    # then what looks at other payments is another feature, what looks at the amount is not
    changed = {one.name for one in V1.features if moved.feature_by_name[one.name].hash != one.hash}
    assert {one.name for one in V1.kernel_features if one.window_ms} <= changed
    assert "amount" not in changed
    assert moved.tag != V1.tag


def test_a_code_keeps_the_zeros_in_front_of_it() -> None:
    found = features_of("{name: a, aggregate: count, window: 1h, where: {entry_mode: 0742}}")["a"]

    assert found.where[0].values == ("0742",)


def test_the_hash_of_a_derived_feature_has_those_of_its_inputs() -> None:
    # given a ratio of sums, the same with other names, and one with another window
    def ratio(name: str, window: str) -> str:
        lines = (
            f"{{name: {name}_1, aggregate: sum, of: amount, window: {window}}}",
            f"{{name: {name}_2, aggregate: sum, of: amount, window: 30d}}",
            f"{{name: {name}, divide: [{name}_1, {name}_2]}}",
        )
        return features_of(*lines)[name].hash

    # then names do not matter, and what the inputs compute does
    assert ratio("a", "1h") == ratio("b", "1h")
    assert ratio("a", "1h") != ratio("a", "2h")


# --------------------------------------------------------------------------- derived features


def test_derived_features_are_computed_after_their_inputs_and_keep_their_columns() -> None:
    # given features that are derived of later ones, and of derived ones
    found = parse_definitions(
        with_features(
            "{name: twice, subtract: [share, share]}",
            "{name: share, divide: [short, long]}",
            "{name: short, aggregate: count, window: 1h}",
            "{name: long, aggregate: count, window: 30d}",
        )
    )
    # then the columns have the order of the file, and the inputs are computed first
    assert found.feature_names == ("twice", "share", "short", "long")
    assert found.derived_order == (1, 0)
    assert found.longest_window_ms == found.feature_by_name["long"].window_ms


def test_a_derived_feature_has_the_kind_that_its_inputs_allow() -> None:
    found = features_of(
        PAYMENTS,
        "{name: rate, divide: [payments, payments]}",
        "{name: change, subtract: [payments, payments]}",
        "{name: relative, divide: [change, payments]}",
    )

    kinds = {name: (one.operation, one.kind) for name, one in found.items() if one.is_derived}
    assert kinds == {
        "rate": (Operation.DIVIDE, FeatureKind.RATIO),
        "change": (Operation.SUBTRACT, FeatureKind.NUMBER),
        "relative": (Operation.DIVIDE, FeatureKind.NUMBER),
    }
    assert (
        found["relative"].text == "payments in 1 hour minus payments in 1 hour divided by payments in 1 hour"
    )


# --------------------------------------------------------------------------- texts and units

TEXTS = {
    "{name: a, aggregate: distinct, of: device_id, window: 30d}": "different devices in 30 days",
    "{name: a, aggregate: distinct, of: ip_country, window: 1d}": "different ip countries in 1 day",
    "{name: a, aggregate: is_new, of: device_id, window: 30d}": "device new to this card",
    "{name: a, aggregate: count, where: {entry_mode: chip}, window: 24h}": (
        "payments with entry mode chip in 24 hours"
    ),
    "{name: a, aggregate: count, where: {entry_mode: {one_of: [keyed, chip]}}, window: 1m}": (
        "payments with entry mode chip or keyed in 1 minute"
    ),
    "{name: a, aggregate: count, where: {amount: {at_least: 99.5}, is_chip: false}, window: 1h}": (
        "payments of at least 99.50 and without is chip in 1 hour"
    ),
    "{name: a, aggregate: sum, of: amount, where: {device_id: same}, window: 7d}": (
        "spent in payments with the same device in 7 days"
    ),
    "{name: a, aggregate: max, of: amount, window: 1h}": "largest payment in 1 hour",
    "{name: a, aggregate: mean, of: points, window: 1h}": "average points of payments in 1 hour",
    "{name: a, aggregate: share, where: {is_chip: true}, window: 1h}": (
        "share of payments with is chip in 1 hour"
    ),
    "{name: a, aggregate: seconds_since_last, where: {device_id: same}, window: 30d}": (
        "seconds since the card's previous payment with the same device"
    ),
    "{name: a, transform: hour, of: timestamp}": "hour of the day (UTC)",
    "{name: a, transform: hour, of: timestamp, zone: Europe/Berlin}": "hour of the day (Europe/Berlin)",
    "{name: a, transform: is_night, of: timestamp, zone: ip_country}": (
        "paid at night (0 to 6, local time of the ip country)"
    ),
}


@pytest.mark.parametrize("line", TEXTS)
def test_a_feature_without_a_text_gets_one(line: str) -> None:
    assert features_of(line)["a"].text == TEXTS[line]


def test_the_text_of_a_field_is_used() -> None:
    text = with_fields("ip: {type: category, optional: true, text: country of the address}")

    found = parse_definitions(text + "  - {name: a, aggregate: distinct, of: ip, window: 1h}\n")

    assert found.feature_by_name["a"].text == "different countries of the address in 1 hour"


def test_the_unit_of_an_hour_names_its_zone() -> None:
    found = features_of(
        "{name: a, transform: hour, of: timestamp}",
        "{name: b, transform: hour, of: timestamp, zone: Asia/Tokyo}",
    )

    assert found["a"].unit == "hour of the day (UTC)"
    assert found["b"].unit == "hour of the day (Asia/Tokyo)"


def test_the_zones_are_those_of_the_features() -> None:
    found = parse_definitions(
        with_features(
            "{name: a, transform: hour, of: timestamp, zone: Asia/Tokyo}",
            "{name: b, transform: hour, of: timestamp, zone: ip_country}",
        )
    )

    assert found.zones.names[:2] == ("UTC", "Asia/Tokyo")
    assert (found.zones.by_country >= 0).sum() > 200
    assert V1.zones.names == ("UTC",)


# --------------------------------------------------------------------------- fields


def test_a_list_of_columns_is_a_field_each() -> None:
    found = parse_definitions(with_fields("v: {type: number, columns: V9..V11, path: pca, optional: true}"))

    paths = {one.name: one.path for one in found.fields if one.name.startswith("v")}
    assert paths == {"v9": ("pca", "V9"), "v10": ("pca", "V10"), "v11": ("pca", "V11")}


def test_equal_definitions_are_one_key_of_a_cache() -> None:
    one, other = (parse_definitions(with_fields(), "f.yaml") for _ in range(2))

    assert one == other
    assert hash(one) == hash(other)
    assert len({one: 1, other: 2}) == 1


# --------------------------------------------------------------------------- the schema


def test_the_published_schema_is_that_of_the_document() -> None:
    # `python -m fraud.definitions.schema` writes it.
    assert SCHEMA_FILE.read_text(encoding="utf-8") == schema_text()


@pytest.mark.parametrize("text", [SHIPPED.read_text(encoding="utf-8"), EXTENDED_FILE.read_text()])
def test_the_schema_accepts_the_files_that_are_used(text: str) -> None:
    jsonschema.validate(yaml.safe_load(text), json.loads(SCHEMA_FILE.read_text()))


def test_the_schema_refuses_an_unknown_key() -> None:
    document = yaml.safe_load(with_features("{name: a, agregate: count, window: 1h}"))

    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(document, json.loads(SCHEMA_FILE.read_text()))


def test_the_shipped_file_names_its_schema() -> None:
    first = SHIPPED.read_text(encoding="utf-8").splitlines()[0]

    assert first == f"# yaml-language-server: $schema={SCHEMA_FILE.name}"


def test_definitions_say_how_far_back_the_state_reaches() -> None:
    def of(window: str) -> Definitions:
        return parse_definitions(with_features(f"{{name: a, aggregate: count, window: {window}}}"))

    assert of("1h").longest_window_ms == 3_600_000
    # The ids of transactions are taken for 30 days.
    assert of("1h").history_ms == of("30d").longest_window_ms == of("30d").history_ms
    assert of("90d").history_ms == of("90d").longest_window_ms
