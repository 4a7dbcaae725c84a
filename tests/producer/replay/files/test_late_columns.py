"""A JSON file whose later rows have names that its first ones lack."""

import json
from pathlib import Path

import pytest

from fraud.errors import DataError
from fraud.settings import Settings
from producer.replay.files import json_file
from tests.definitions import EXTENDED_FILE
from tests.producer.replay.files.reading import HEADER, ROWS, dry_run, write


def lines(last: dict[str, object]) -> list[str]:
    rows = [dict(zip(HEADER.split(","), row.split(","), strict=True)) for row in ROWS]
    return [json.dumps(row) for row in (*rows, rows[0] | {"transaction_id": "t9"} | last)]


@pytest.fixture
def settings(local_settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Columns are found in the first two rows; payments may have a device."""
    monkeypatch.setattr(json_file, "BATCH_ROWS", 2)
    return Settings(home=local_settings.home, definitions=EXTENDED_FILE)


def test_a_declared_field_that_comes_late_is_not_left_behind(settings: Settings, tmp_path: Path) -> None:
    path = write(tmp_path / "some.jsonl", *lines({"device": {"fingerprint": "d"}}))

    with pytest.raises(DataError, match=r"the field device\.fingerprint comes first in line 4"):
        dry_run(settings, path)


def test_the_files_of_a_folder_are_no_exception(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "parts").mkdir()
    write(tmp_path / "parts" / "a.jsonl", *lines({}))
    write(tmp_path / "parts" / "b.jsonl", *lines({"ip_country": "DE"}))

    with pytest.raises(DataError, match=r"the field ip_country comes first in line 4 of b\.jsonl"):
        dry_run(settings, tmp_path / "parts")


def test_what_is_not_declared_may_come_late(settings: Settings, tmp_path: Path) -> None:
    path = write(tmp_path / "some.jsonl", *lines({"shelf": "s"}))

    assert dry_run(settings, path).good == 4


def test_a_null_in_the_first_row_announces_a_field(settings: Settings, tmp_path: Path) -> None:
    rows = lines({"device": {"fingerprint": "d"}})
    rows[0] = rows[0].replace("{", '{"device": {"fingerprint": null}, ', 1)

    assert dry_run(settings, write(tmp_path / "some.jsonl", *rows)).good == 4
