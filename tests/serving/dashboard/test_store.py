"""The store's file: an older one is brought up to date, a foreign one is left alone."""

from pathlib import Path

import pytest

from fraud.errors import DataError
from serving.dashboard.feed.store import Store

BACK_TO_VERSION_1 = """
DROP INDEX labels_of_campaign;
ALTER TABLE labels DROP COLUMN campaign;
ALTER TABLE sessions DROP COLUMN role;
PRAGMA user_version = 1;
"""


def test_an_older_file_is_brought_up_to_date_with_what_is_in_it(tmp_path: Path) -> None:
    # given the file of an earlier version
    path = tmp_path / "history.db"
    older = Store(path)
    connection = older.connect()
    connection.executescript(BACK_TO_VERSION_1)
    connection.execute("INSERT INTO labels VALUES ('t1', 1, 5, 'chargeback')")
    older.close()
    # when it is opened
    store = Store(path)
    # then it has what is new, and what there was
    row = store.reader.execute("SELECT * FROM labels").fetchone()
    assert (row["transaction_id"], row["campaign"]) == ("t1", None)
    store.close()
    # and the next opening changes nothing
    Store(path).close()


def test_a_file_of_a_later_version_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "history.db"
    store = Store(path)
    store.connect().execute("PRAGMA user_version = 99")
    store.close()
    with pytest.raises(DataError, match="another version"):
        Store(path)
