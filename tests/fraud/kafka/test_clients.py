"""Client configurations, and a broker that is not there."""

from pathlib import Path

import pytest
from confluent_kafka import Consumer, Producer

from fraud.errors import UnreachableError
from fraud.kafka.clients import client_config, consumer_config, producer_config
from fraud.kafka.topics import existing_topics
from fraud.settings import load_settings


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


def test_a_broker_that_is_not_there_is_an_error_of_one_sentence() -> None:
    settings = load_settings(kafka={"bootstrap_servers": "127.0.0.1:9", "request_timeout_s": 0.5})
    with pytest.raises(UnreachableError, match=r"Kafka at 127.0.0.1:9 does not answer: .* `fraud up`"):
        existing_topics(settings)
