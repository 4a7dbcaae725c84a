"""Client configurations, topics, and failures in one sentence."""

from pathlib import Path

import pytest
from confluent_kafka import Consumer, KafkaError, KafkaException, Producer

from fraud.errors import UnreachableError
from fraud.kafka.clients import (
    client_config,
    consumer_config,
    create_topics,
    end_offsets,
    existing_topics,
    producer_config,
    require_topic,
    retry_transient,
    topic_config,
    topic_plans,
)
from fraud.settings import Settings, load_settings


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


@pytest.mark.broker
def test_topics_are_created_once_as_planned(settings: Settings) -> None:
    again = create_topics(settings)

    assert again == []
    for plan in topic_plans(settings):
        assert existing_topics(settings)[plan.name] == settings.kafka.partitions
        assert plan.config.items() <= topic_config(settings, plan.name).items()


@pytest.mark.broker
def test_a_missing_topic_names_the_command(settings: Settings) -> None:
    with pytest.raises(UnreachableError, match="fraud topics create"):
        require_topic(settings, "nowhere")


@pytest.mark.broker
def test_offsets_are_those_of_committed_messages(settings: Settings) -> None:
    # given: two messages, and one in an open transaction
    topic = settings.topics.transactions
    plain = Producer(producer_config(settings))
    for _ in range(2):
        plain.produce(topic, b"x", partition=1)
    plain.flush(20)
    open_one = Producer(producer_config(settings, **{"transactional.id": f"{topic}.test"}))
    open_one.init_transactions(20)
    open_one.begin_transaction()
    open_one.produce(topic, b"x", partition=1)
    open_one.flush(20)

    ends = end_offsets(settings, topic)
    open_one.abort_transaction(20)

    assert ends == {0: (0, 0), 1: (0, 2), 2: (0, 0), 3: (0, 0)}


def test_a_broker_that_is_not_there_is_told_in_a_sentence() -> None:
    settings = load_settings(kafka={"bootstrap_servers": "127.0.0.1:9", "request_timeout_s": 0.5})
    with pytest.raises(UnreachableError, match=r"Kafka at 127.0.0.1:9 does not answer: .* `fraud up`"):
        existing_topics(settings)


def test_passing_failures_are_waited_for_and_others_are_not() -> None:
    faults = [KafkaError.NOT_COORDINATOR, KafkaError.LEADER_NOT_AVAILABLE]

    def call() -> str:
        if faults:
            raise KafkaException(KafkaError(faults.pop()))
        return "done"

    assert retry_transient(call) == "done"
    faults.append(KafkaError.TOPIC_AUTHORIZATION_FAILED)
    with pytest.raises(KafkaException):
        retry_transient(call)
