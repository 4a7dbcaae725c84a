"""A base currency and refunds in the definitions file."""

from pathlib import Path

import pytest

from fraud.definitions.comparison import compare
from fraud.definitions.definitions import Definitions
from fraud.definitions.features import FeatureKind
from fraud.definitions.loading import load_definitions, parse_definitions
from fraud.errors import DefinitionsError
from tests.definitions import V1
from tests.fraud.definitions.files import CORE

FEATURES = """\
features:
  - {name: spent, aggregate: sum, of: amount, window: 1h}
  - {name: ratio, aggregate: ratio, of: amount, window: 1h}
  - {name: spread, aggregate: std, of: amount, window: 1h}
  - {name: small, aggregate: count, where: {amount: {at_most: 200}}, window: 1h}
  - {name: payments, aggregate: count, window: 1h}
  - {name: in_pounds, aggregate: count, where: {currency: GBP}, window: 1h}
"""
RATES = "date,currency,rate\n2025-03-14,USD,1.0883\n2025-03-14,GBP,0.84\n2025-03-14,JPY,160\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "rates.csv").write_text(RATES)
    return tmp_path


def write(folder: Path, money: str, core: str = CORE) -> Path:
    path = folder / "definitions.yaml"
    path.write_text(f"{core}{money}\n{FEATURES}")
    return path


def with_money(folder: Path, base: str = "EUR", more: str = "") -> Definitions:
    own = folder / f"{base}{len(more)}"
    own.mkdir()
    (own / "rates.csv").write_text("".join(line for line in RATES.splitlines(True) if base not in line))
    return load_definitions(write(own, f"money: {{base: {base}, rates: rates.csv{more}}}"))


def hashes(definitions: Definitions) -> dict[str, str]:
    return {feature.name: feature.hash for feature in definitions.features}


def test_the_path_of_the_rates_is_relative_to_the_definitions(folder: Path) -> None:
    money = with_money(folder).money
    assert money is not None
    assert (money.code, money.path, money.max_age_days) == ("EUR", folder / "EUR0" / "rates.csv", 7)
    assert money.rates.has_currency("USD")


def test_without_a_base_amounts_count_as_they_come() -> None:
    assert V1.money is None
    assert not any(field.base for field in V1.fields)


def test_the_base_changes_features_of_amounts_and_no_others(folder: Path) -> None:
    # given
    plain = hashes(parse_definitions(CORE + FEATURES))
    euros = hashes(with_money(folder))
    dollars = hashes(with_money(folder, "USD"))
    # then
    changed = {"spent", "ratio", "spread", "small"}
    assert {name for name in plain if euros[name] != plain[name]} == changed
    assert {name for name in plain if euros[name] != dollars[name]} == changed


def test_the_state_of_a_card_depends_on_the_base_and_the_age_of_rates(folder: Path) -> None:
    states = {
        one.state_digest
        for one in (
            parse_definitions(CORE + FEATURES),
            with_money(folder),
            with_money(folder, "USD"),
            with_money(folder, "EUR", ", max_age: 3d"),
        )
    }
    assert len(states) == 4


@pytest.mark.parametrize(("base", "stored"), [("EUR", 20_000), ("JPY", 200), ("KWD", 200_000)])
def test_an_amount_of_a_filter_is_in_the_base(folder: Path, base: str, stored: int) -> None:
    (feature,) = (one for one in with_money(folder, base).features if one.name == "small")
    assert feature.where[0].values == (stored,)
    assert base in feature.text


def test_refunds_are_left_out_of_features_unless_these_ask_for_them(folder: Path) -> None:
    # given
    core = CORE.replace(
        "{type: money, currency: currency}", "{type: money, currency: currency, refunds: true}"
    )
    # when
    with_refunds = parse_definitions(core + FEATURES)
    # then
    assert with_refunds.field_by_name["amount"].allows_refunds
    assert {one.name: one.kind for one in with_refunds.features} == {
        "spent": FeatureKind.AMOUNT,
        "ratio": FeatureKind.SIGNED_RATIO,
        "spread": FeatureKind.AMOUNT,
        "small": FeatureKind.COUNT,
        "payments": FeatureKind.COUNT,
        "in_pounds": FeatureKind.COUNT,
    }
    unlike = hashes(parse_definitions(CORE + FEATURES)).items()
    assert not hashes(with_refunds).items() & unlike


@pytest.mark.parametrize(
    ("money", "sentence"),
    [
        ("money: {base: EURO, rates: rates.csv}", "the currency EURO does not exist; did you mean EUR?"),
        ("money: {base: '', rates: rates.csv}", "the currency  does not exist; use a code of ISO 4217"),
        ("money: {base: EUR}", "rates is missing; add the path of a file, rates: rates.csv"),
        ("money: {rates: rates.csv}", "base is missing; add the currency of sums, base: EUR"),
        (
            "money: {base: EUR, rate: rates.csv, rates: rates.csv}",
            "the key rate does not exist; did you mean",
        ),
        ("money: {base: EUR, rates: absent.csv}", "the rates cannot be read: No such file"),
        ("money: {base: EUR, rates: rates.csv, max_age: 0d}", "max_age 0d is not allowed; write days"),
        ("money: {base: EUR, rates: rates.csv, max_age: 7}", "max_age 7 is not allowed; write days"),
        ("money: EUR", "money must be a mapping"),
        ("money: {base: GBP, rates: other.csv}", "other.csv:2: GBP is the base, so its rate is 1"),
        (
            "money: {base: EUR, rates: dollars.csv}",
            "the file has no rate of GBP, which the feature in_pounds",
        ),
    ],
)
def test_a_mistake_is_refused_with_its_line(folder: Path, money: str, sentence: str) -> None:
    # given
    (folder / "other.csv").write_text("date,currency,rate\n2025-03-14,GBP,0.84\n")
    (folder / "dollars.csv").write_text("date,currency,rate\n2025-03-14,USD,1.08\n")
    path = write(folder, money)
    # when
    with pytest.raises(DefinitionsError) as refused:
        load_definitions(path)
    # then
    (problem,) = refused.value.problems
    assert problem.startswith(f"{path}:{CORE.count(chr(10)) + 1}: ")
    assert sentence in problem


def test_refunds_are_of_money_only(folder: Path) -> None:
    with pytest.raises(DefinitionsError, match="refunds does not fit an id, only money"):
        parse_definitions(
            CORE.replace("device_id: {type: id", "device_id: {type: id, refunds: true") + FEATURES
        )


def test_the_comparison_says_what_a_base_changes(folder: Path) -> None:
    # when
    found = compare(parse_definitions(CORE + FEATURES), with_money(folder))
    # then
    changed = {one.name: one.details for one in found.features}
    assert set(changed) == {"spent", "ratio", "spread", "small"}
    assert changed["spent"] == "amounts in the currency of each payment → EUR"
    assert [(one.name, one.details) for one in found.fields] == [
        ("amount", "money, at amount, required → money, at amount, in EUR for features, required")
    ]
    assert "models that want" in found.models
    assert "do not fit" in found.state
    assert "its type" not in found.lake
