"""`fraud acl`: shown without a broker, granted on a locked one."""

import uuid

import pytest

from tests.deployments.conftest import FraudCommand
from tests.security.locked import LockedKafka


def test_the_rights_are_shown_with_the_names_of_the_settings(
    fraud: FraudCommand, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FRAUD_TOPICS__LABELS", "chargebacks")
    assert fraud("acl", "show", "ingest=User:lake").out.splitlines() == [
        "ingest User:lake",
        "  read topic transactions",
        "  read topic chargebacks",
        "  read topic fraud_predictions",
        "  read topic fraud_forgotten",
        "  write topic fraud_forgotten",
        "  describe group fraud-readers",
        "  write topic fraud_labels.dlq",
        "  read group fraud_labels.dlq.ingest",
        "  write transactional_id fraud_labels.dlq.ingest-*",
    ]


def test_the_rights_are_shown_as_commands_of_kafkas_own_tool(fraud: FraudCommand) -> None:
    shown = fraud("acl", "show", "serving", "--script").out.splitlines()
    assert shown[-1].endswith(
        "--add --allow-principal User:fraud-serving --operation Write "
        "--transactional-id fraud-serving- --resource-pattern-type prefixed"
    )


def test_an_unknown_identity_is_refused_with_those_there_are(fraud: FraudCommand) -> None:
    refused = fraud("acl", "show", "nobody")
    assert refused.code == 2
    assert "no identity is called 'nobody'; there are producer, " in refused.err


@pytest.mark.broker
def test_what_is_missing_is_granted_once(
    fraud: FraudCommand, locked: LockedKafka, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in locked.as_admin.items():
        monkeypatch.setenv(f"FRAUD_KAFKA__{name.upper()}", str(value))
    whom = f"ingest=User:{uuid.uuid4().hex}"
    tried, first, again = (
        fraud("acl", "grant", whom, *more).out for more in (["--dry-run"], [], ["--dry-run"])
    )
    assert (tried.count("  missing "), first.count("  granted ")) == (9, 9)
    assert (again.count("  missing "), again.count("  there already ")) == (0, 9)
    assert str(locked.as_admin["sasl_password"]) not in tried + first + again
