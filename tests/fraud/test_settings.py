"""Settings: where they come from, what is refused, what stays secret."""

from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import BaseModel, ValidationError

from fraud.errors import ConfigurationError
from fraud.kafka.topic_checks import history_days
from fraud.preprocess.first_day import history_of_a_day
from fraud.settings import SHORTEST_LAKE_DAYS, Settings, load_settings, stack_file
from tests.definitions import V1


def test_the_environment_overrides_the_files_and_the_nearer_file_the_stack(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack_file(tmp_path).write_text(
        "FRAUD_KAFKA__BOOTSTRAP_SERVERS=stack:1\nFRAUD_KAFKA__PARTITIONS=2\nFRAUD_KAFKA__RETENTION_DAYS=-1\n"
        "PREFECT_API_URL=http://ignored\n"
    )
    Path(".env").write_text("FRAUD_KAFKA__BOOTSTRAP_SERVERS=dotenv:1\nFRAUD_KAFKA__PARTITIONS=3\n")
    monkeypatch.setenv("FRAUD_KAFKA__BOOTSTRAP_SERVERS", "environment:1")

    kafka = load_settings(home=tmp_path).kafka

    assert (kafka.bootstrap_servers, kafka.partitions, kafka.retention_days) == ("environment:1", 3, -1)


def test_the_home_of_the_environment_names_the_stack_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack_file(tmp_path).write_text("FRAUD_KAFKA__PARTITIONS=9\n")
    monkeypatch.setenv("FRAUD_HOME", str(tmp_path))

    settings = load_settings()

    assert (settings.home, settings.kafka.partitions) == (tmp_path, 9)


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("FRAUD_KAFKA__PARTITIONS", "none"),
        ("FRAUD_KAFKA__PARTITIONS", "0"),
        ("FRAUD_KAFKA__NONSENSE", "1"),
        ("FRAUD_SERVING__DELIVERY", "at_most_once"),
        ("FRAUD_SERVING__COMMIT_INTERVAL_S", "-1"),
        ("FRAUD_TRAINING__MIN_PRECISION", "1.5"),
        ("FRAUD_SIGNING__TRUSTED_KEYS", "/keys/one"),
        ("FRAUD_SIGNING", "{"),
    ],
)
def test_a_wrong_value_is_named_by_its_variable(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(ConfigurationError, match=variable) as failure:
        load_settings()
    assert failure.value.exit_code == 2


@pytest.mark.parametrize(
    ("variable", "too_few", "enough"),
    [
        ("FRAUD_RETENTION__LAKE_DAYS", "259", "260"),
        ("FRAUD_RETENTION__AUDIT_DAYS", "364", "365"),
        ("FRAUD_KAFKA__LABEL_RETENTION_DAYS", "32", "33"),
        ("FRAUD_KAFKA__LETTER_RETENTION_DAYS", "32", "33"),
    ],
)
def test_a_retention_holds_what_is_needed_or_has_no_limit(
    monkeypatch: pytest.MonkeyPatch, variable: str, too_few: str, enough: str
) -> None:
    for days in (enough, "-1"):
        monkeypatch.setenv(variable, days)
        load_settings()
    monkeypatch.setenv(variable, too_few)
    with pytest.raises(ConfigurationError, match=f"must be -1 or at least {enough}"):
        load_settings()


def test_a_lake_holds_a_training_and_what_its_first_row_depends_on() -> None:
    training = history_days(Settings())
    assert training + history_of_a_day(V1).days <= SHORTEST_LAKE_DAYS


def test_retention_must_hold_the_longest_window(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FRAUD_KAFKA__RETENTION_DAYS", "30")
    with pytest.raises(ConfigurationError, match=r"FRAUD_KAFKA.*retention_days"):
        load_settings()


def test_sasl_needs_a_name_and_a_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FRAUD_KAFKA__SECURITY_PROTOCOL", "SASL_SSL")
    with pytest.raises(ConfigurationError, match="needs sasl_username and sasl_password"):
        load_settings()


def test_name_and_password_come_from_a_mounted_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given a Secret as Kubernetes mounts it
    (tmp_path / "username").write_text("fraud-serving\n")
    (tmp_path / "password").write_text("sesame")
    monkeypatch.setenv("FRAUD_KAFKA__SECURITY_PROTOCOL", "SASL_SSL")
    monkeypatch.setenv("FRAUD_KAFKA__CREDENTIALS_DIR", str(tmp_path))
    # when
    kafka = load_settings().kafka
    # then
    assert kafka.sasl_username == "fraud-serving"
    assert kafka.sasl_password is not None
    assert kafka.sasl_password.get_secret_value() == "sesame"
    assert "sesame" not in repr(kafka)


def test_what_is_missing_in_the_folder_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "username").write_text("fraud-serving")
    monkeypatch.setenv("FRAUD_KAFKA__SECURITY_PROTOCOL", "SASL_SSL")
    monkeypatch.setenv("FRAUD_KAFKA__CREDENTIALS_DIR", str(tmp_path))
    with pytest.raises(ConfigurationError, match=r"needs sasl_username and sasl_password, .*credentials_dir"):
        load_settings()


def test_a_folder_that_cannot_be_read_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "username").mkdir()
    monkeypatch.setenv("FRAUD_KAFKA__CREDENTIALS_DIR", str(tmp_path))
    with pytest.raises(
        ConfigurationError, match=r"credentials_dir: .*/username cannot be read: Is a directory"
    ):
        load_settings()


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"sasl_mechanism": "OAUTHBEARER"}, "needs oauth_token_url, an https address"),
        (
            {"sasl_mechanism": "OAUTHBEARER", "oauth_token_url": "http://login.example.com/token"},
            "must be https, unless it is on this machine",
        ),
        ({"sasl_mechanism": "AWS_MSK_IAM"}, "needs security_protocol SASL_SSL and aws_region"),
        (
            {
                "sasl_mechanism": "AWS_MSK_IAM",
                "aws_region": "eu-west-1",
                "security_protocol": "SASL_PLAINTEXT",
            },
            "needs security_protocol SASL_SSL and aws_region",
        ),
    ],
)
def test_a_mechanism_needs_what_it_logs_in_with(changes: dict[str, str], sentence: str) -> None:
    kafka = {"security_protocol": "SASL_SSL", "sasl_username": "u", "sasl_password": "p"} | changes
    with pytest.raises(ConfigurationError, match=sentence):
        load_settings(kafka=kafka)


def test_no_secret_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FRAUD_KAFKA__SASL_PASSWORD", "hunter2")
    monkeypatch.setenv("FRAUD_LAKE__S3_SECRET", "hunter3")
    settings = load_settings()
    assert "hunter" not in repr(settings) + str(settings) + settings.model_dump_json()


def test_a_secret_does_not_show_in_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FRAUD_KAFKA__SASL_PASSWORD", "hunter2")
    monkeypatch.setenv("FRAUD_KAFKA__SECURITY_PROTOCOL", "SASL_SSL")
    with pytest.raises(ConfigurationError) as failure:
        load_settings()
    assert "hunter" not in str(failure.value)


def test_settings_are_frozen() -> None:
    settings = load_settings()
    with pytest.raises(ValidationError, match="frozen"):
        settings.kafka.partitions = 8


def test_durations_can_be_written_as_iso_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FRAUD_ADMISSION__LATENESS", "P3D")
    assert load_settings().admission.lateness == timedelta(days=3)


def test_the_lake_and_the_registry_live_in_the_home_by_default(tmp_path: Path) -> None:
    settings = load_settings(home=tmp_path)
    assert settings.lake_url == str(tmp_path / "lake")
    assert settings.tracking_uri == f"sqlite:///{tmp_path / 'mlflow.db'}"
    assert load_settings(lake={"url": "s3://bucket/x"}).lake_url == "s3://bucket/x"


def test_a_group_of_settings_can_be_walked_through() -> None:
    """Prefect does so with the parameters of tasks; a field called like a method of a dict forbids it."""
    settings = load_settings()
    for name in type(settings).model_fields:
        group = getattr(settings, name)
        if isinstance(group, BaseModel):
            assert dict(group).keys() == type(group).model_fields.keys()


def test_the_rule_of_keys_has_its_short_name_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FRAUD_ADMISSION__KEYS", "require")
    assert load_settings().admission.key_rule == "require"
