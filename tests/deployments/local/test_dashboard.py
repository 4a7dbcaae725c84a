"""The dashboard as a process of a home, and its users from the command line."""

from pathlib import Path

import httpx
import pytest

from deployments.local.dashboard import LocalDashboard
from fraud.errors import ConfigurationError
from fraud.settings import load_settings
from tests.deployments.conftest import FraudCommand
from tests.serving.dashboard.support import stored_accounts


def test_it_starts_once_and_ends_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # given a home whose Kafka is away
    monkeypatch.setenv("FRAUD_KAFKA__BOOTSTRAP_SERVERS", "127.0.0.1:1")
    dashboard = LocalDashboard(tmp_path / "home")
    try:
        # when it is started twice
        address = dashboard.start(preferred_port=0)
        again = dashboard.start(preferred_port=0)
        # then it is one, and it serves its page
        assert again == address
        assert "Fraud dashboard" in httpx.get(address, trust_env=False).text
    finally:
        assert dashboard.stop()
    # and when it has ended, nobody answers
    with pytest.raises(httpx.ConnectError):
        httpx.get(address, trust_env=False)
    assert not dashboard.stop()


def test_users_are_listed_and_removed(fraud: FraudCommand) -> None:
    with stored_accounts(load_settings()) as accounts:
        accounts.add("anna", "analyst", "a long password")
        assert "anna" in fraud("dashboard", "user", "list").out
        assert fraud("dashboard", "user", "remove", "anna").code == 0
        assert not accounts.users()
    assert fraud("dashboard", "user", "remove", "anna").code == ConfigurationError.exit_code
