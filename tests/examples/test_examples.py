"""Each folder of examples/ works as its README says: files, mapping, messages, a model."""

from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path

import msgspec
import numpy as np
import pyarrow.parquet as pq
import pytest
from pydantic import SecretStr

from fraud.cards.numbers import holds_card_number
from fraud.cards.pseudonyms import new_key
from fraud.definitions.fields import CORE_FIELDS
from fraud.evaluation.backtest.chosen_plan import AskedPlan, choose_plan
from fraud.settings import AdmissionSettings, CardSettings, Settings
from producer.inspection.report import inspect_files
from producer.replay.tables import Files, read_tables
from producer.simulator.cardholders import midnight_ms
from producer.wire import transaction_messages
from tests.definitions import V1
from tests.examples.running import DATA, EXAMPLES, FILES, Example, admitted

REFUNDS = {"tabformer": 1}
NO_HISTORY, NO_CLOCK = "no card has a history", "timestamp is midnight in all rows"
WARNED = {"baf": {NO_HISTORY, NO_CLOCK}, "banksim": {NO_CLOCK}, "ulb": {NO_HISTORY}}
"""What the data sets lack, as a warning says."""
NOT_GUESSED = {
    "baf": "gives no amount, timestamp",
    "banksim": "gives no age_group",
    "paysim": "gives no kind",
    "tabformer": "gives no timestamp, user_id, entry_mode",
}
"""What nobody can know from the columns alone, such as that Use Chip is a mode of entry."""
KAGGLE = """,trans_date_trans_time,cc_num,merchant,category,amt,first,last,gender,street,city,state,zip,lat,\
long,city_pop,job,dob,trans_num,unix_time,merch_lat,merch_long,is_fraud
0,{day} 12:14:18,4111111111111111,"fraud_Rippin, Kub and Mann",misc_net,4.97,Ann,Bee,F,1 Main St,Town,NC,\
28654,36.0788,-81.1781,3495,"Psychologist, counselling",1988-03-09,{id},1325376018,36.011293,-82.048315,1
"""
SPANS = {
    "handbook-2018/transactions.parquet": ("2018-04-01", "2018-07-31"),
    "sparkov-2021/transactions.parquet": ("2021-01-01", "2021-12-31"),
    "fraudT*.csv": ("2019-01-01", "2020-12-31"),
    "creditcard.csv": ("2013-09-01", "2013-12-29"),  # 172,792 minutes
    "bs140513_032310.csv": ("2012-11-01", "2013-04-29"),  # 180 days
    "PS_20174392719_1491204439457_log.csv": ("2017-01-01", "2017-02-01"),  # 743 hours from 14:00 on
    "card_transaction.v1.csv": ("1991-01-02", "2020-02-28"),
    "joined.csv": ("2017-12-02", "2018-06-01"),  # seconds 86,400 to 15,811,131
    "Base.csv": ("2022-01-01", "2022-08-01"),  # eight months
}
"""First and last day of each public file, as its mapping dates it."""
PUBLIC = set(FILES) - {"acquirer", "card-stream"}
DATA_SETS = {"handbook": "handbook-2018", "sparkov": "sparkov-2021"}


@pytest.fixture(params=sorted(FILES))
def example(request: pytest.FixtureRequest) -> Example:
    return Example(request.param)


def test_every_folder_is_an_example() -> None:
    assert sorted(path.name for path in EXAMPLES.iterdir()) == sorted([*FILES, "policies"])


def test_a_readme_is_short_with_source_and_commands(example: Example) -> None:
    lines = (example.folder / "README.md").read_text().splitlines()
    commands = [line.strip() for line in lines if line.startswith("    ")]

    assert 10 <= len(lines) <= 17
    assert len([one for one in commands if "flows/backtest.py" not in one]) == 3
    assert any(line.startswith("Source: ") for line in lines)


@pytest.mark.parametrize("name", sorted(PUBLIC))
def test_a_published_split_is_a_command_that_names_each_day(name: str) -> None:
    # given the command of a data set's README
    text = (Example(name).folder / "README.md").read_text()
    commands = [line.split() for line in text.splitlines() if "flows/backtest.py" in line]
    assert commands
    for words in commands:
        given = {word: value for word, value in pairwise(words) if word.startswith("--")}
        # then nothing of the split is left to be chosen from the file's days, so that all test the same rows
        train, delay, test = (int(given[f"--{name}-days"]) for name in ("train", "delay", "test"))
        start, folds = date.fromisoformat(given["--start"]), int(given["--folds"])
        asked = AskedPlan(start, folds, train, delay, test, step_days=test)
        assert asked.chosen == []
        plan = choose_plan(date(1990, 1, 1), date(2027, 1, 1), np.empty(0, np.int64), asked)
        assert plan.steps()[0].train.start == midnight_ms(start - timedelta(days=train + delay))
        # and the file has all of these days
        ends = [days for file, days in SPANS.items() if given["--transactions"].strip("'").endswith(file)]
        first, last = map(date.fromisoformat, *ends)
        needed = plan.needed()
        assert midnight_ms(first) <= needed.start
        assert needed.end <= midnight_ms(last + timedelta(days=1))


def test_kaggles_files_of_sparkov_are_read_by_a_mapping_of_their_own(tmp_path: Path) -> None:
    # given two files in the layout that is published, with an index without a name and card numbers
    for name, day in (("fraudTrain", "2019-01-01"), ("fraudTest", "2020-06-21")):
        (tmp_path / f"{name}.csv").write_text(KAGGLE.format(day=day, id=name.lower()))
    example = Example("sparkov")
    settings = Settings(
        home=tmp_path / "home",
        definitions=example.definitions_file,
        cards=CardSettings(key=SecretStr(new_key())),
    )
    # when they are read together
    files = Files(tmp_path / "fraudT*.csv", None, example.folder / "kaggle.yaml")
    tables = read_tables(settings, files, lambda *_: None)
    # then the payments have their merchants, places and labels, and no card number
    rows = tables.transactions.to_pylist()
    assert [one.count for one in tables.rejected if one.count] == []
    assert [row["timestamp"] for row in rows] == [1_546_344_858_000, 1_592_741_658_000]
    assert {(row["merchant_id"], row["merchant_category"], row["amount"]) for row in rows} == {
        ("Rippin, Kub and Mann", "misc_net", 497)
    }
    assert {row["latitude"] for row in rows} == {36.011293}
    assert not any(holds_card_number(row["card_id"]) for row in rows)
    assert tables.labels["is_fraud"].to_pylist() == [True, True]


def test_every_row_but_a_refund_is_used(example: Example, tmp_path: Path) -> None:
    tables = example.tables(tmp_path)

    rejected = [reason for one in tables.rejected for _, reason in one.first]
    assert len(rejected) == REFUNDS.get(example.name, 0)
    assert all(reason.startswith("a refund") for reason in rejected)
    assert 40 <= tables.transactions.num_rows == tables.labels.num_rows
    assert set(tables.labels["is_fraud"].to_pylist()) == {True, False}


def test_no_value_is_left_out(example: Example, tmp_path: Path) -> None:
    warnings = [one for one in example.tables(tmp_path).warnings if "refund" not in one]

    expected = WARNED.get(example.name, set())
    assert len(warnings) == len(expected)
    assert all(any(text in one for one in warnings) for text in expected), warnings


def test_messages_are_admitted_with_the_values_of_the_file(example: Example, tmp_path: Path) -> None:
    # given the payments of the files
    definitions, table = example.definitions, example.tables(tmp_path).transactions
    # when they are written and admitted
    found = admitted(definitions, transaction_messages(definitions, table))
    # then nothing is lost on the way, and every field has a value somewhere
    assert [one.values for one in found] == [tuple(row.values()) for row in table.to_pylist()]
    unused = {name for name in table.column_names if table[name].null_count == len(table)}
    assert all(definitions.field_by_name[name].is_optional for name in unused)
    assert example.name == "ieee-cis" or not unused


def test_the_proposed_mapping_feeds_the_core_fields(example: Example) -> None:
    files = example.files()

    found = inspect_files(example.definitions, AdmissionSettings(), files.transactions, files.labels, None)

    report = found.transactions
    if missing := NOT_GUESSED.get(example.name):
        assert any(missing in one.text for one in report.suspicions), report.suspicions
        return
    assert report.good is not None
    assert report.good >= report.sampled - 1  # an amount of IEEE-CIS has three decimals
    assert {"amount", "timestamp"} <= set(report.fields.values())
    assert example.name == "ieee-cis" or len(report.fields) > len(CORE_FIELDS) - 1


def test_the_card_stream_is_what_is_shipped() -> None:
    example = Example("card-stream").definitions
    assert (example.tag, example.fields) == (V1.tag, V1.fields), "copy fraud/definitions/v1.yaml there"


def test_nested_messages_are_written_as_they_came(tmp_path: Path) -> None:
    # given the acquirer's messages
    example = Example("acquirer")
    lines = (example.folder / "payments.jsonl").read_bytes().splitlines()
    sent = {one["payment"]["id"]: one for one in map(msgspec.json.decode, lines)}
    # when they are replayed
    table = example.tables(tmp_path).transactions
    values = [msgspec.json.decode(value) for value in transaction_messages(example.definitions, table).values]
    # then each is the same but for its time as a number, and without what is not declared
    for message in values:
        original = sent[message["payment"]["id"]]
        assert message["payment"]["created_at"] > 1_700_000_000_000
        assert message["payment"] | {"created_at": 0} == _declared(original["payment"]) | {"created_at": 0}
        assert message.get("device", {}).get("ip") == original.get("device", {}).get("ip")
        assert message.get("customer") == original.get("customer")
        assert set(message) <= {"payment", "merchant", "card", "device", "customer", "basket"}


def _declared(payment: dict[str, object]) -> dict[str, object]:
    authentication = payment.get("three_ds")
    if not isinstance(authentication, dict):
        return payment
    return payment | {"three_ds": {name: one for name, one in authentication.items() if name != "version"}}


@pytest.mark.parametrize("name", sorted(DATA_SETS))
def test_the_data_set_itself_is_read(name: str, tmp_path: Path) -> None:
    # given the first payments of the public data set
    folder = Path(DATA or "") / DATA_SETS[name]
    if DATA is None or not folder.is_dir():
        pytest.skip(f"this machine has no {DATA_SETS[name]}: EXAMPLE_DATA names no folder with it")
    first = pq.read_table(folder / "transactions.parquet").slice(0, 20_000)
    pq.write_table(first, tmp_path / "transactions.parquet")
    (tmp_path / "labels.parquet").symlink_to(folder / "labels.parquet")
    # when they are read by the example's mapping, and written
    example = Example(name)
    tables = example.tables(tmp_path / "home", tmp_path)
    found = admitted(example.definitions, transaction_messages(example.definitions, tables.transactions))
    # then all of them are payments, with their own amounts
    assert len(found) == 20_000
    amounts = np.rint(first["amount"].to_numpy() * 100).astype(np.int64)
    assert sorted(one.amount for one in found) == sorted(amounts.tolist())
