"""What `fraud inspect` says of a file, and that its mapping works as written."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rich.cells import cell_len

from deployments.cli import application
from fraud.errors import ConfigurationError
from fraud.settings import Settings
from producer.inspection.masking import masked
from tests.definitions import EXTENDED_FILE
from tests.producer.replay.files.reading import HEADER, ROWS, dry_run, write

LABELLED = HEADER + ",is_fraud"
CARDS = ("4111111111111111", "5500005555555559", "4012888888881881")


@pytest.fixture(autouse=True)
def home(local_settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FRAUD_HOME", str(local_settings.home))


Inspect = Callable[..., str]


@pytest.fixture
def inspect(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Inspect:
    """Run `fraud inspect`; what it prints, whatever its exit code unless one is expected."""
    monkeypatch.setenv("COLUMNS", "80")

    def inspect(*arguments: object, code: int | None = 0) -> str:
        with pytest.raises(SystemExit) as ended:
            application().main(args=["inspect", *map(str, arguments)], prog_name="fraud")
        said = capsys.readouterr().out
        assert code is None or ended.value.code == code, said
        assert all(cell_len(line) <= 80 for line in said.splitlines())
        return said

    return inspect


_FILES: dict[str, tuple[list[str], dict[str, Any]]] = {
    "ulb": (
        ["Time,V1,V2,Amount,Class", *(f"{n * 400},-1.{n},0.{n},{n}.40,{int(n % 9 == 0)}" for n in range(30))],
        {"transaction_id": "row", "card_id": "row", "amount": "Amount", "is_fraud": "Class"},
    ),
    "paysim": (
        ["step,type,amount,nameOrig,oldbalanceOrg,nameDest,isFraud,isFlaggedFraud",
         *(f"{n},PAY,{n}.1,C{n % 4},7,M{n % 3},{'10'[n % 9 > 0]},{'10'[n % 9 > 0]}" for n in range(1, 31))],
        {"card_id": "nameOrig", "merchant_id": "nameDest", "merchant_category": "type",
         "is_fraud": "isFraud"},
    ),
    "sparkov": (
        ["trans_date_trans_time,cc_num,merchant,category,amt,lat,long,trans_num,unix_time,is_fraud",
         *(f"2019-01-01 00:{n:02}:18,{CARDS[n % 3]},fraud_Kirlin "
           f"{n % 5},gas,{n}.97,36.0,-81.1,0b24{n},13253760{n:02},0"
           for n in range(30))],
        {"card_id": "cc_num", "merchant_id": "strip", "amount": "amt", "transaction_id": "trans_num",
         "latitude": "lat",
         "longitude": "long"},
    ),
    "german": (
        ["Buchungsnummer;Kartennummer;Händler;Betrag;Währung;Datum;Betrug",
         *(f"B{n};K{n % 4};Bäcker {n % 3};1.2{n:02},50;EUR;{n + 1:02}.05.2026 "
           f"10:00;{'ja' if n == 5 else 'nein'}"
           for n in range(30))],
        {"transaction_id": "Buchungsnummer", "card_id": "Kartennummer", "amount": "decimal",
         "timestamp": "%d.%m.%Y %H:%M",
         "currency": "Währung", "is_fraud": "Betrug"},
    ),
    "clock": (
        ["txn_id,account,store,amount_usd,date,time",
         *(f"a{n},b{n % 3},c{n % 4},${n}.00,{n % 28 + 1}/5/2026,10:{n:02}:00" for n in range(30))],
        {"timestamp": "columns", "currency": "USD", "amount": "amount_usd"},
    ),
    "micros": ([LABELLED, *(f"t{n},c{n % 3},s,{n}.0,EUR,{1_780_308_000_000_000 + n},0" for n in range(30))],
               {"timestamp": "epoch_us"}),
    "excel days": ([LABELLED, *(f"t{n},c{n % 3},s,{n}.5,EUR,46174.{n:02}1,0" for n in range(30))],
     {"timestamp": "excel"}),
}  # fmt: skip


@pytest.mark.parametrize("name", list(_FILES))
def test_a_proposed_mapping_works_as_written(
    local_settings: Settings, inspect: Inspect, tmp_path: Path, name: str
) -> None:
    lines, expected = _FILES[name]
    path, mapping = write(tmp_path / "some.csv", *lines), tmp_path / "proposed.yaml"

    inspect(path, "--write", mapping)
    text = mapping.read_text(encoding="utf-8")
    result = dry_run(local_settings, path, columns=mapping)

    entries = dict(line.split(": ", 1) for line in text.splitlines() if not line.startswith("#"))
    assert all(part in entries[field] for field, part in expected.items()), text
    assert (result.read, result.good) == (30, 30)


def test_card_numbers_are_never_shown_whole(inspect: Inspect, tmp_path: Path) -> None:
    rows = [row.replace("c1", CARDS[0]).replace("c2", CARDS[1]).replace("t3", CARDS[2]) for row in ROWS]
    rows.append(f"t9,{CARDS[0]},{CARDS[1]},x{CARDS[2]},EUR,2026-06-01")

    said = inspect(write(tmp_path / "some.csv", HEADER, *rows))

    assert not any(card in said for card in CARDS)
    assert "************1111" in said


@pytest.mark.parametrize(
    ("text", "shown"),
    [("4111 1111 1111 1111", "************1111"), ("4111-1111-1111-1111", "************1111"),
     ("1780308000000000", "1780308000000000"), ("4111111111111112", "4111111111111112"),
      ("x4111111111111111", "x************1111")],
)  # fmt: skip
def test_masking(text: str, shown: str) -> None:
    assert masked(text) == shown


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda n: {"card_id": f"{411111111111111 + n}0"}, "card_id looks rounded"),
        (lambda n: {"card_id": "4.11E+15"}, "rounded number"),
        (lambda n: {"card_id": "same"}, "card_id is the same in all rows"),
        (lambda n: {"card_id": f"only{n}"}, "card_id differs in all rows"),
        (
            lambda n: {"card_id": f"{10**9 + n % 40 * 7 if n % 40 > 4 else 12345600 + n % 40}"},
            "add `pad: 10`",
        ),
        (lambda n: {"card_id": CARDS[n % 3]}, "real card numbers"),
        (lambda n: {"transaction_id": f"t{n - (n % 5 == 4)}"}, "transaction_id is repeated"),
        (lambda n: {"timestamp": f"2026-05-{n % 28 + 1:02}"}, "midnight in all rows"),
        (lambda n: {"timestamp": "2026-05-01 10:00:00"}, "the same in all rows"),
        (lambda n: {"is_fraud": str(int(n % 10 != 0))}, "are fraud: if is_fraud means the opposite"),
        (lambda n: {"channel": "manual" if n % 10 == 0 else "web"}, "channel gives is_fraud away"),
        (lambda n: {"case_status": "closed" if n % 10 == 0 else "none"}, "case_status gives is_fraud away"),
        (
            lambda n: {"disputed_on": f"2026-06-{n % 28 + 1}" if n % 10 == 0 else ""},
            "disputed_on gives is_fraud away",
        ),
        (lambda n: {"timestamp": "01/02/2026"}, "ASSUMED"),
        (lambda n: {"amount": f"-{n}.00"}, "a refund"),
        (lambda n: {"country": "Nowhere Land"}, "country: null"),
    ],
)
def test_what_is_suspicious_is_said(inspect: Inspect, tmp_path: Path, change: Any, said: str) -> None:
    rows = [
        {"transaction_id": f"t{n}", "card_id": f"c{n % 7}", "merchant_id": f"s{n % 5}", "amount": f"{n}.50",
         "currency": "EUR", "timestamp": f"2026-05-01 10:{n % 60:02}:{n // 60:02}",
         "is_fraud": str(int(n % 10 == 0))}
        | change(n)
        for n in range(120)
    ]  # fmt: skip
    path = write(tmp_path / "some.csv", ",".join(rows[0]), *(",".join(row.values()) for row in rows))

    assert said in " ".join(inspect(path, code=None).split())


def test_labels_are_looked_at_together_with_their_transactions(
    local_settings: Settings, inspect: Inspect, tmp_path: Path
) -> None:
    path = write(tmp_path / "some.csv", HEADER, *ROWS)
    labels = write(
        tmp_path / "labels.csv",
        "txn,fraud,reported,source",
        "t2,Y,1780920000,web form",
        "x,N,1780920000,web form",
    )
    mapping = tmp_path / "mapping.yaml"

    said = inspect(path, "--labels", labels, "--write", mapping)

    assert "1 of 2 labels are of transactions looked at" in said
    assert "counts seconds" in said or "epoch_s" in said
    assert dry_run(local_settings, path, columns=mapping, labels=labels).labels == 1


def test_an_unusable_file_ends_with_an_error_and_a_file_is_not_overwritten(
    inspect: Inspect, tmp_path: Path
) -> None:
    path = write(
        tmp_path / "some.csv",
        HEADER,
        *(row.replace("c1", "4.1E+15").replace("c2", "4.1E+15") for row in ROWS),
    )
    assert "not one row can be used" in inspect(path, code=4)
    with pytest.raises(ConfigurationError, match="exists already"):
        application().main(args=["inspect", str(path), "--write", str(path)], prog_name="fraud")


def test_many_columns_fit_on_a_screen(inspect: Inspect, tmp_path: Path) -> None:
    names = [f"V{n}" for n in range(200)]
    path = write(
        tmp_path / "some.csv",
        ",".join((HEADER, *names)),
        *(",".join((row, *map(str, range(200)))) for row in ROWS),
    )
    said = inspect(path)
    assert "and 190 more" in said
    assert len(said.splitlines()) < 40


def test_json_lines_can_be_inspected(inspect: Inspect, tmp_path: Path) -> None:
    rows = [dict(zip(HEADER.split(","), row.split(","), strict=True)) for row in ROWS]
    assert "JSON lines" in inspect(write(tmp_path / "some.jsonl", *map(json.dumps, rows)))


def test_names_that_turn_the_line_are_isolated_and_stay_usable(inspect: Inspect, tmp_path: Path) -> None:
    # given columns whose names hold bidirectional marks and control characters
    turned, commanding = "\u202emerchant_id", "card\x1b[31m"
    header = HEADER.replace("merchant_id", turned).replace("card_id", commanding)
    path = write(tmp_path / "some.csv", header, *ROWS)
    # when it is looked at and its mapping kept
    said = inspect(path, "--write", tmp_path / "mapping.yaml", code=None)
    # then nothing commands the terminal, and each line ends the isolates that it begins
    assert not {"\x1b", "\u202e"} & set(said)
    assert "\u2068" in said
    for line in said.splitlines():
        assert sum(line.count(sign) for sign in "\u2066\u2067\u2068") == line.count("\u2069")
    # and the mapping names the column as the file does, without a sign that does not print
    text = (tmp_path / "mapping.yaml").read_text(encoding="utf-8")
    assert text.replace("\n", "").isprintable()


def test_definitions_of_one_s_own_are_used(inspect: Inspect, tmp_path: Path) -> None:
    rows = [f"{row},d1,s{n}" for n, row in enumerate(ROWS)]
    path = write(tmp_path / "some.csv", HEADER + ",device_id,shelf", *rows)

    said = " ".join(inspect(path, "--definitions", EXTENDED_FILE).split())

    assert "1 column feeds no declared field: shelf; `fraud definitions init --from" in said
    assert "2 columns feed no declared field: device_id, shelf" in " ".join(inspect(path).split())
