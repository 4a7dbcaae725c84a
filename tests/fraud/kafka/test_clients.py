"""Client configurations, and a broker that is not there."""

from pathlib import Path

import pytest
from confluent_kafka import Consumer, Producer
from cryptography.hazmat.primitives import serialization

from fraud.errors import ConfigurationError, UnreachableError
from fraud.kafka.clients import MESSAGES_OF_NOW, client_config, consumer_config, producer_config
from fraud.kafka.topics import existing_topics
from fraud.settings import Settings, load_settings
from tests.security.locked import Authority

PASSWORD = "opens the key"


def test_credentials_reach_the_client_and_absent_ones_do_not() -> None:
    plain = client_config(load_settings())
    secured = client_config(
        load_settings(
            kafka={
                "security_protocol": "SASL_SSL", "sasl_mechanism": "SCRAM-SHA-512", "sasl_username": "u",
                "sasl_password": "p", "ssl_ca_location": Path("ca.pem"),
            }
        )
    )  # fmt: skip

    assert not [name for name in plain if name.startswith(("sasl", "ssl"))]
    assert secured["sasl.password"] == "p"
    assert secured["ssl.ca.location"] == "ca.pem"
    Producer(producer_config(load_settings(), **{"linger.ms": 1}))  # librdkafka knows every name
    Consumer(consumer_config(load_settings(), "some")).close()


@pytest.fixture
def locked_key(tmp_path: Path) -> Path:
    """A client's private key, which a password opens, and its certificate."""
    authority = Authority.found(tmp_path, "authority")
    plain = authority.issue(tmp_path, "127.0.0.1").read_bytes()
    key = serialization.load_pem_private_key(plain, None)
    locked = serialization.BestAvailableEncryption(PASSWORD.encode())
    pem, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    file = tmp_path / "client.pem"
    file.write_bytes(key.private_bytes(pem, form, locked) + plain[plain.index(b"-----BEGIN CERTIFICATE") :])
    return file


def settings_with_key(file: Path, password: str | None) -> Settings:
    kafka = {
        "bootstrap_servers": "127.0.0.1:9",
        "security_protocol": "SSL",
        "ssl_certificate_location": file,
        "ssl_key_location": file,
        "ssl_key_password": password,
        "request_timeout_s": 0.5,
    }
    return load_settings(kafka=kafka)


def test_a_password_opens_the_key_file(locked_key: Path) -> None:
    # The client comes as far as the broker, which is not there.
    with pytest.raises(UnreachableError, match="does not answer"):
        existing_topics(settings_with_key(locked_key, PASSWORD))


@pytest.mark.parametrize("password", ["guessed", None])
def test_a_key_file_that_stays_closed_is_one_sentence(locked_key: Path, password: str | None) -> None:
    with pytest.raises(
        ConfigurationError, match=r"ssl.key.location.*FRAUD_KAFKA__SSL_KEY_PASSWORD"
    ) as refused:
        existing_topics(settings_with_key(locked_key, password))
    assert "guessed" not in str(refused.value)


def test_a_broker_that_is_not_there_is_an_error_of_one_sentence() -> None:
    settings = load_settings(kafka={"bootstrap_servers": "127.0.0.1:9", "request_timeout_s": 0.5})
    with pytest.raises(UnreachableError, match=r"Kafka at 127.0.0.1:9 does not answer: .* `fraud up`"):
        existing_topics(settings)


@pytest.mark.parametrize(("timeout_s", "expected_ms"), [(7.5, 7_500), (0.5, 2_000)])
def test_a_consumer_turns_from_a_silent_broker_in_time(timeout_s: float, expected_ms: int) -> None:
    settings = load_settings(kafka={"request_timeout_s": timeout_s})
    assert consumer_config(settings, "some")["socket.timeout.ms"] == expected_ms


def test_only_producers_of_messages_of_now_have_several_requests_under_way() -> None:
    # given a broker that has forgotten a producer, the second of two requests may be taken without the first
    limit = "max.in.flight.requests.per.connection"
    assert producer_config(load_settings())[limit] == 1
    assert producer_config(load_settings(), **MESSAGES_OF_NOW)[limit] > 1
