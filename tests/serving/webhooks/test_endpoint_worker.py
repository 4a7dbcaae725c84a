"""Webhooks on a real broker: at least once, whatever the endpoint and the program do."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from fraud.errors import ConfigurationError
from fraud.kafka.log import read_topic
from fraud.settings import Settings, WebhookEndpoint, WebhookSettings, load_settings
from serving.webhooks.endpoint_worker import EndpointWorker
from serving.webhooks.metrics import WebhookMetrics
from serving.webhooks.run import Webhooks, require_usable
from tests.fraud.ingest.test_decision_rows import prediction
from tests.fraud.streams import produce
from tests.serving.webhooks.receiver import Receiver, receiving
from tests.serving.webhooks.test_delivery import SECRET
from tests.serving.world import wait_for

OF_SERVING = {"scored_at": 1_700_006_400_500, "model_version": "1"}


def send(settings: Settings, number: int, decision: str = "decline") -> None:
    produce(settings, settings.topics.predictions, [prediction(number, decision, **OF_SERVING)])


def sent(receiver: Receiver) -> list[str]:
    """The transactions that the endpoint was sent, in order."""
    return [msgspec.json.decode(body)["data"]["transaction_id"] for _, body in receiver.requests]


@contextmanager
def working(settings: Settings, receiver: Receiver, **how: Any) -> Iterator[EndpointWorker]:
    """A worker that follows the predictions when the block begins."""
    endpoint = WebhookEndpoint.model_validate({"url": receiver.url, "secret": SECRET})
    fast = {"first_pause": timedelta(milliseconds=20), "longest_pause": timedelta(milliseconds=50)}
    webhooks = WebhookSettings(**({"endpoints": {"orders": endpoint}} | fast | how))
    made = settings.model_copy(update={"webhooks": webhooks})
    worker = EndpointWorker(made, "orders", endpoint, WebhookMetrics())
    worker.start()
    try:
        wait_for(lambda: not worker.problem)
        yield worker
    finally:
        worker.stop()


def test_an_endpoint_is_sent_new_decisions_of_its_outcomes_once(settings: Settings) -> None:
    # given a decision from before the endpoint was configured
    send(settings, 1)
    with receiving() as receiver:
        # when others come, one of them approved, and one message that is no prediction
        with working(settings, receiver):
            for number, decision in enumerate(("decline", "approve", "review", "challenge"), start=2):
                send(settings, number, decision)
            produce(settings, settings.topics.predictions, [b"no json"])
            wait_for(lambda: len(receiver.requests) >= 3)
        # and the program starts again
        with working(settings, receiver):
            send(settings, 6)
            wait_for(lambda: "t6" in sent(receiver))
    # then each of the new ones came once
    assert sorted(sent(receiver)) == ["t2", "t4", "t5", "t6"]


def test_what_was_not_taken_before_a_stop_is_sent_after_the_next_start(settings: Settings) -> None:
    # given an endpoint that refuses everything
    with receiving(*[(503, {})] * 1_000) as receiver:
        with working(settings, receiver):
            send(settings, 1)
            send(settings, 2)
            wait_for(lambda: len(receiver.requests) >= 3)
        # when it is well again, and the program starts again
        receiver.answers.clear()
        before = len(receiver.requests)
        with working(settings, receiver):
            wait_for(lambda: {"t1", "t2"} <= set(sent(receiver)[before:]))
    # then both came, under the ids they had before
    assert set(receiver.ids[:before]) <= set(receiver.ids[before:])


def test_what_is_given_up_becomes_a_dead_letter_and_the_next_is_sent(settings: Settings) -> None:
    # given an endpoint that refuses one decision for too long
    with receiving((500, {})) as receiver, working(settings, receiver, give_up_after=timedelta()):
        send(settings, 1)
        letters = wait_for(lambda: letters_of(settings))
        # when another one comes
        send(settings, 2)
        wait_for(lambda: "t2" in sent(receiver))
    # then the first is a dead letter that says why, and it was not sent again
    assert sent(receiver) == ["t1", "t2"]
    assert letters == ["webhook 'orders' was not taken in 1 attempts: HTTP 500"]


def letters_of(settings: Settings) -> list[str]:
    messages = [one for batch in read_topic(settings, settings.topics.webhook_dead_letters) for one in batch]
    return [dict(one.headers())["error"].decode() for one in messages]


def test_an_endpoint_that_is_slow_keeps_its_place_in_the_group(settings: Settings) -> None:
    # given an endpoint that takes its first decision at the twentieth attempt
    with receiving(*[(503, {})] * 19) as receiver, working(settings, receiver, concurrency=1) as worker:
        # when decisions come meanwhile
        send(settings, 1)
        wait_for(lambda: len(receiver.requests) > 2)
        send(settings, 2)
        wait_for(lambda: "t2" in sent(receiver))
    # then all are delivered, and the worker had no problem
    assert set(sent(receiver)) == {"t1", "t2"}
    assert worker.problem == ""


def test_without_an_endpoint_the_error_says_what_to_set(settings: Settings) -> None:
    with pytest.raises(ConfigurationError, match="FRAUD_WEBHOOKS__ENDPOINTS__NAME__URL"):
        require_usable(settings)


def test_the_status_names_the_endpoint_that_has_a_problem(settings: Settings) -> None:
    # given two endpoints that have not started
    endpoint = WebhookEndpoint.model_validate({"url": "https://example.com/hook", "secret": SECRET})
    webhooks = WebhookSettings(endpoints={"orders": endpoint, "cases": endpoint})
    made = Webhooks(settings.model_copy(update={"webhooks": webhooks}))
    # then the service is not ready, and says which and why
    assert (made.status().is_ready, made.status().text) == (False, "orders: connecting to Kafka")
    assert b'fraud_webhook_events_total{endpoint="orders"' not in made.metrics.exposition()


def test_endpoints_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    # given an endpoint in variables, its secret in one of its own
    monkeypatch.setenv("FRAUD_WEBHOOKS__ENDPOINTS__ORDERS__URL", "https://example.com/hook")
    monkeypatch.setenv("FRAUD_WEBHOOKS__ENDPOINTS__ORDERS__SECRET", SECRET)
    # when the settings are read
    endpoint = load_settings().webhooks.endpoints["orders"]
    # then it is there, and a mistake names the variable without the secret
    assert endpoint.outcomes == ("challenge", "review", "decline")
    monkeypatch.setenv("FRAUD_WEBHOOKS__ENDPOINTS__ORDERS__SECRET", "whsec_secret")
    with pytest.raises(ConfigurationError, match="FRAUD_WEBHOOKS__ENDPOINTS__ORDERS") as refused:
        load_settings()
    assert "whsec_secret" not in str(refused.value)
