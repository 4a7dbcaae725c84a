"""What an administrator does to a topic of a running system."""

from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, ResourceType

from fraud.kafka.clients import admin_client, client_config
from fraud.kafka.topics import existing_topics, topic_config
from fraud.settings import Settings
from tests.serving.world import wait_for


def alter_topic(settings: Settings, topic: str, setting: str, value: str) -> None:
    """Set one setting of a topic, and wait until the broker has it from the controller."""
    entry = ConfigEntry(setting, value, incremental_operation=AlterConfigOpType.SET)
    resource = ConfigResource(ResourceType.TOPIC, topic, incremental_configs=[entry])
    admin = AdminClient(client_config(settings))  # lives until the answer is there
    admin.incremental_alter_configs([resource])[resource].result(10)
    wait_for(lambda: topic_config(settings, topic)[setting] == value)


def delete_topic(settings: Settings, topic: str) -> None:
    """Delete a topic, and wait until the broker no longer knows it."""
    admin = admin_client(settings)
    admin.delete_topics([topic])[topic].result(10)
    wait_for(lambda: topic not in existing_topics(settings))
