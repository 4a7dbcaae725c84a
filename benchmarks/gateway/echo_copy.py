"""Copies every message of `transactions` to `fraud_predictions`, at once; runs as its own process."""

from confluent_kafka import Consumer, Producer, TopicPartition

from fraud.kafka.clients import consumer_config, producer_config
from fraud.settings import load_settings


def main() -> None:
    """Copy until the process ends."""
    settings = load_settings()
    producer = Producer(producer_config(settings, **{"linger.ms": 0}))
    consumer, topic = Consumer(consumer_config(settings, "echo-copy")), settings.topics.transactions
    partitions = consumer.list_topics(topic, timeout=10).topics[topic].partitions
    found = [TopicPartition(topic, number) for number in partitions]
    for one in found:
        _, one.offset = consumer.get_watermark_offsets(one, timeout=10)
    consumer.assign(found)
    while True:
        for message in consumer.consume(1, 0.2) + consumer.consume(5_000, 0):
            if message.error() is None:
                producer.produce(settings.topics.predictions, message.value(), message.key())
        producer.poll(0)


if __name__ == "__main__":
    main()
