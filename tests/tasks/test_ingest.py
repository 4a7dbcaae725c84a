"""Which partitions ingest reads, also where it may not read decisions yet."""

import logging

import pytest

from fraud.errors import RefusedError
from fraud.settings import Settings
from tasks import ingest


def test_ingest_goes_on_where_it_may_not_read_decisions_yet(
    local_settings: Settings, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    # given permissions of an earlier version
    def partitions_of(settings: Settings, topic: str) -> int:
        if topic == settings.topics.predictions:
            raise RefusedError("this identity may not read 'fraud_predictions'")
        return 3

    monkeypatch.setattr(ingest, "require_readable", partitions_of)
    monkeypatch.setattr(ingest, "problem_with_letters", lambda settings: None)
    monkeypatch.setattr(ingest, "get_run_logger", lambda: logging.getLogger("run"))
    # when it looks what there is to read
    found = ingest.list_partitions.fn(local_settings)
    # then it is payments and labels, and a warning says what to grant
    assert [(source.dataset, number) for source, number in found] == [
        (dataset, number) for dataset in ("transactions", "labels") for number in range(3)
    ]
    assert "fraud acl" in caplog.text


def test_payments_that_may_not_be_read_are_an_error(
    local_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(settings: Settings, topic: str) -> int:
        raise RefusedError(f"this identity may not read {topic!r}")

    monkeypatch.setattr(ingest, "require_readable", refuse)
    monkeypatch.setattr(ingest, "problem_with_letters", lambda settings: None)
    with pytest.raises(RefusedError, match="transactions"):
        ingest.list_partitions.fn(local_settings)
