"""`fraud definitions`: check, show, diff and init."""

import json
from pathlib import Path

import pytest

from fraud.definitions.loading import DEFAULT_FILE, SHIPPED, load_definitions
from tests.definitions import EXTENDED, EXTENDED_FILE, EXTENDED_ONLY, V1
from tests.deployments.conftest import FraudCommand

SHIPPED_FILES = DEFAULT_FILE.parent
BROKEN = "version: 1\nx: 1\nfields: {a: {type: texts}}\nfeatures: [{name: A}]\n"


@pytest.fixture(autouse=True)
def _wide(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")


@pytest.fixture
def broken(tmp_path: Path) -> Path:
    path = tmp_path / "broken.yaml"
    path.write_text(BROKEN)
    return path


def test_check_counts_what_a_good_file_has(fraud: FraudCommand) -> None:
    shown = fraud("definitions", "check", str(EXTENDED_FILE))

    assert shown.code == 0
    assert f"14 fields, 55 features (45 of the kernel), tag {EXTENDED.tag}" in shown.out


def test_check_reports_every_mistake_on_a_line_of_its_own(fraud: FraudCommand, broken: Path) -> None:
    shown = fraud("definitions", "check", str(broken))

    assert shown.code == 2
    lines = shown.err.splitlines()
    assert [line.partition(".yaml:")[2].partition(":")[0] for line in lines] == ["2", "3", "4"]
    assert "type texts does not exist" in lines[1]


def test_check_reports_to_machines(fraud: FraudCommand, broken: Path) -> None:
    bad, good = (fraud("definitions", "check", str(path), "--json") for path in (broken, EXTENDED_FILE))

    assert (bad.code, good.code) == (2, 0)
    assert len(json.loads(bad.out)["problems"]) == 3
    assert json.loads(good.out)["digest"] == EXTENDED.digest
    assert json.loads(good.out)["problems"] == []


def test_a_broken_file_of_the_settings_ends_any_command(
    fraud: FraudCommand, broken: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FRAUD_DEFINITIONS", str(broken))

    shown = fraud("definitions", "show", "--no-cost")

    assert shown.code == 2
    assert f"{broken}:2: the key x does not exist" in shown.err


def test_show_lists_fields_features_and_their_cost(fraud: FraudCommand) -> None:
    shown = fraud("definitions", "show", str(EXTENDED_FILE))

    assert shown.code == 0
    row = next(line for line in shown.out.splitlines() if line.startswith(" small_count_1h"))
    assert "count where amount ≤ 2.00 in 1h" in row
    assert V1.feature_by_name["small_count_1h"].hash in row
    assert "id, at device.fingerprint, 1 to 64 characters, optional" in shown.out
    assert "µs a payment in the kernel" in shown.out


def test_show_is_for_machines_too(fraud: FraudCommand) -> None:
    shown = json.loads(fraud("definitions", "show", "--no-cost", "--json").out)

    assert [one["name"] for one in shown["features"]] == list(V1.feature_names)
    assert shown["features"][1] | {"hash": ""} == {
        "name": "hour", "text": "hour of the day (UTC)", "kind": "hour", "operation": "hour",
        "of": ["timestamp"], "window_ms": 0, "where": [], "zone": "", "last": 0, "factor": 0.0,
        "every_ms": 0, "hash": "", "unit": "hour of the day (UTC)", "lowest": 0.0, "highest": 23.0,
    }  # fmt: skip
    assert "cost" not in shown


def test_diff_compares_with_what_runs(fraud: FraudCommand) -> None:
    shown = fraud("definitions", "diff", str(EXTENDED_FILE))

    assert shown.code == 0
    for name in EXTENDED_ONLY:
        assert any(line.split()[:2] == [name, "added"] for line in shown.out.splitlines())
    assert "all models of the old definitions can be served" in shown.out


def test_diff_compares_two_files(fraud: FraudCommand, tmp_path: Path) -> None:
    shipped = tmp_path / "shipped.yaml"
    shipped.write_text(SHIPPED.read_text())

    shown = json.loads(fraud("definitions", "diff", str(EXTENDED_FILE), str(shipped), "--json").out)

    assert {one["name"]: one["change"] for one in shown["features"]} == dict.fromkeys(
        EXTENDED_ONLY, "removed"
    )
    assert all("refused" in one["meaning"] for one in shown["features"])


@pytest.mark.parametrize(("options", "start"), [((), "default.yaml"), (("--v1",), "v1.yaml")])
def test_init_copies_a_shipped_file_and_the_schema(
    fraud: FraudCommand,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    options: tuple[str, ...],
    start: str,
) -> None:
    monkeypatch.chdir(tmp_path)

    shown = fraud("definitions", "init", *options)

    assert shown.code == 0
    assert f"a copy of the shipped {start}" in shown.out
    assert load_definitions(tmp_path / "definitions.yaml").tag == load_definitions(SHIPPED_FILES / start).tag
    assert (tmp_path / "definitions.schema.json").exists()
    # and nothing is overwritten
    again = fraud("definitions", "init")
    assert again.code == 2
    assert "definitions.yaml exists already" in again.err


def test_init_starts_with_one_thing(fraud: FraudCommand, tmp_path: Path) -> None:
    shown = fraud("definitions", "init", str(tmp_path / "d.yaml"), "--v1", "--from", "payments.csv")

    assert shown.code == 2
    assert "give one of them" in shown.err
