from confluent_kafka import Consumer, Producer

from fraud.kafka.clients import consumer_config, flush, producer_config
from fraud.kafka.topics import existing_topics
from fraud.settings import Settings


def test_what_is_produced_is_consumed(settings: Settings) -> None:
    # given a transaction on the topic
    topic = settings.topics.transactions
    producer = Producer(producer_config(settings))
    producer.produce(topic, key=b"card", value=b"payment")
    flush(producer, 10)
    # when it is consumed
    consumer = Consumer(consumer_config(settings, settings.serving.group_id))
    consumer.subscribe([topic])
    message = consumer.poll(20)
    consumer.close()
    # then it is the same
    assert message is not None
    assert message.value() == b"payment"


def test_topics_of_the_settings_exist(settings: Settings) -> None:
    assert existing_topics(settings)[settings.topics.transactions] == settings.kafka.partitions
