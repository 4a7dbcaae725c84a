"""README and getting started as a reader runs them: every block in its order, in a throw-away folder.

The servers take free ports; at the end nothing runs any more. `make test-readme` runs this.
"""

import csv
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from tests.docs.blocks import PAGES, blocks_of
from tests.docs.running import RUN, Reader

DAYS, PER_DAY = 130, 120


def write_payments(path: Path) -> None:
    """A reader's file, until yesterday: fraud is dear."""
    random, start = np.random.default_rng(11), datetime.now(UTC) - timedelta(days=DAYS + 1)
    seconds = np.sort(random.integers(0, DAYS * 86_400, DAYS * PER_DAY))
    with path.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["card_id", "merchant_id", "amount", "currency", "timestamp", "is_fraud"])
        for second in seconds.tolist():
            fraud = random.random() < 0.02
            amount = round(float(random.lognormal(3, 0.6)) * (6 if fraud else 1), 2)
            when = (start + timedelta(seconds=second)).isoformat(timespec="seconds")
            rows.writerow(
                [f"c{random.integers(300)}", f"m{random.integers(50)}", amount, "EUR", when, int(fraud)]
            )


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[Reader]:
    write_payments(tmp_path / "payments.csv")
    one = Reader(tmp_path, {"FRAUD_HOME": str(tmp_path / "own"), "FRAUD_TRAINING__TRIALS": "2"})
    try:
        yield one
    finally:
        one.stop()
        subprocess.run(
            ["fraud", "down", "--all"], cwd=tmp_path, env=one.environment, check=False, timeout=300
        )


@pytest.mark.readme
@pytest.mark.timeout(3_600)
@pytest.mark.parametrize("page", PAGES)
def test_the_commands_of_a_page_work_as_written(reader: Reader, page: str) -> None:
    # given a new reader of the page, with a file of their own
    for block in blocks_of(page):
        # when each block that can run here is run, then each of its commands ends well
        if block.is_shell and block.commands[0] in RUN:
            reader.run(block)
