"""Requests to a controller that may have died; tests/deployments/local/test_cluster.py kills a real one."""

from concurrent.futures import Future
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException

from fraud.kafka.admin import controller
from fraud.kafka.admin.controller import ask_controller
from fraud.settings import Settings

SILENT = KafkaException(KafkaError(KafkaError._TIMED_OUT))
SETTINGS = Settings()
REFUSED = KafkaException(KafkaError(KafkaError.CLUSTER_AUTHORIZATION_FAILED))


class Cluster:
    """Gives one answer after the other, each to a new client."""

    def __init__(self, *answers: object) -> None:
        self.answers = list(answers)
        self.clients: list[object] = []

    def ask(self, client: Any, limit_s: float) -> dict[str, "Future[Any]"]:
        assert limit_s > 0
        self.clients.append(client)
        return {"asked": _done(self.answers.pop(0))}


def _done(answer: object) -> "Future[Any]":
    future: Future[Any] = Future()
    if isinstance(answer, Exception):
        future.set_exception(answer)
    else:
        future.set_result(answer)
    return future


@pytest.fixture(autouse=True)
def _clients(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(controller, "admin_client", lambda settings: object())


def test_a_silent_controller_is_asked_again_by_a_new_client() -> None:
    cluster = Cluster(SILENT, SILENT, "made")
    assert ask_controller(SETTINGS, cluster.ask)["asked"].result() == "made"
    assert len(set(cluster.clients)) == 3


def test_an_answer_is_not_asked_for_again() -> None:
    for answer in ("made", REFUSED):
        cluster = Cluster(answer)
        ask_controller(SETTINGS, cluster.ask)
        assert len(cluster.clients) == 1


def test_one_that_stays_silent_fails_in_the_end() -> None:
    cluster = Cluster(*[SILENT] * 9)
    assert ask_controller(SETTINGS, cluster.ask)["asked"].exception() is SILENT
    assert len(cluster.clients) == 3
