"""Requests to the cluster's controller, which may have died a moment ago.

For some seconds after a broker's death the cluster's metadata may still name it as the controller.
librdkafka waits for the controller that its first look gave it and does not look again, so a client that got
no answer is replaced by one that has looked since.
"""

from collections.abc import Callable, Hashable, Mapping
from concurrent.futures import Future
from typing import Any, TypeVar

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient

from fraud.kafka.clients import admin_client
from fraud.settings import Settings

_TRIES = 3

Asked = TypeVar("Asked", bound=Hashable)


def ask_controller(
    settings: Settings, ask: Callable[[AdminClient, float], Mapping[Asked, "Future[Any]"]]
) -> Mapping[Asked, "Future[Any]"]:
    """What the controller answers, each future done.

    Args:
        settings: name the cluster.
        ask: sends the request by a client, with a limit in seconds; may be called again, so the request must
            be one that can be repeated.

    Raises:
        RefusedError: the broker does not let us in.
        UnreachableError: no broker answers.
    """
    answers = _ask_once(settings, ask)
    for _ in range(_TRIES - 1):
        if not any(_was_silent(future) for future in answers.values()):
            break
        answers = _ask_once(settings, ask)
    return answers


def _ask_once(
    settings: Settings, ask: Callable[[AdminClient, float], Mapping[Asked, "Future[Any]"]]
) -> Mapping[Asked, "Future[Any]"]:
    client = admin_client(settings)  # must outlive its futures
    answers = ask(client, settings.kafka.request_timeout_s)
    for future in answers.values():
        future.exception()
    return answers


def _was_silent(future: "Future[Any]") -> bool:
    error = future.exception()
    return isinstance(error, KafkaException) and error.args[0].code() == KafkaError._TIMED_OUT
