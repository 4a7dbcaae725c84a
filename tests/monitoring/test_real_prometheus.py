"""A real Prometheus asks a real engine: rules hold, and every panel's query is answered."""

import json
import subprocess
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count, islice
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import generate_latest

from deployments.grafana.__main__ import boards
from deployments.local.processes import free_port
from fraud.monitoring.exposition import JOB, build_registry
from fraud.settings import Settings
from serving.gateway.metrics import GatewayMetrics
from serving.ops.health import HealthServer
from serving.webhooks.metrics import WebhookMetrics
from tests.monitoring.prometheus import RULES, program
from tests.monitoring.reports import full_report
from tests.serving.conftest import champion, serving_settings
from tests.serving.decisions.changes import make_live, put_on_list
from tests.serving.decisions.support import DECLINES_SMALL, named_policy
from tests.serving.world import (
    Running,
    publish_profiles,
    running,
    send,
    transaction,
    wait_for,
    wait_for_predictions,
)

__all__ = ["champion", "serving_settings"]  # fixtures of the serving tests
pytestmark = [pytest.mark.broker, pytest.mark.timeout(240)]

VARIABLES = {"$namespace": ".*", "$stage": ".*", "$__rate_interval": "30s", "${datasource}": ""}
NOTHING_YET = {
    "Age of the profiles of ids and categories",  # the definitions have none
    "Alerts that fire",  # none does
    "Allowance left",  # of hours
    "Moment of these profiles",
    "How long restoring takes",  # an empty topic restores nothing
    "Partitions restored",
    "Why containers wait or ended",
}


@contextmanager
def served(content: Callable[[], bytes]) -> Iterator[int]:
    """A page with the content; its port."""

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.end_headers()
            self.wfile.write(content())

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Page)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class Prometheus:
    """A running one."""

    def __init__(self, folder: Path, engine: int, pushed: int, gateway: int, webhooks: int) -> None:
        self.port = free_port()
        for file in RULES:
            (folder / file.name).write_text(file.read_text().replace("interval: 30s", "interval: 1s"))
        labels = {"job": JOB, "model": "fraud-detector"}
        config = {
            "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
            "rule_files": [str(folder / file.name) for file in RULES],
            "scrape_configs": [
                {"job_name": "fraud-serving", "static_configs": [{"targets": [f"127.0.0.1:{engine}"]}]},
                {"job_name": "fraud-gateway", "static_configs": [{"targets": [f"127.0.0.1:{gateway}"]}]},
                {"job_name": "fraud-webhooks", "static_configs": [{"targets": [f"127.0.0.1:{webhooks}"]}]},
                {
                    "job_name": JOB,
                    "static_configs": [{"targets": [f"127.0.0.1:{pushed}"], "labels": labels}],
                },
            ],
        }
        (folder / "prometheus.yml").write_text(yaml.safe_dump(config))
        command = [
            program("prometheus"),
            f"--config.file={folder / 'prometheus.yml'}",
            f"--storage.tsdb.path={folder / 'data'}",
            f"--web.listen-address=127.0.0.1:{self.port}",
        ]
        with (folder / "log").open("wb") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log)

    def ask(self, path: str, **parameters: str) -> Any:
        """What its API answers, or what it has against the question."""
        address = f"http://127.0.0.1:{self.port}/api/v1/{path}?{urllib.parse.urlencode(parameters)}"
        try:
            with urllib.request.urlopen(address, timeout=30) as answer:
                return json.load(answer)["data"]
        except urllib.error.HTTPError as error:
            pytest.fail(f"{parameters}: {error.read().decode()}")
        except urllib.error.URLError:
            return None  # not up yet

    def series(self, expression: str) -> list[Any]:
        """The series of an expression, as it stands on a board."""
        for name, value in VARIABLES.items():
            expression = expression.replace(name, value)
        answer = self.ask("query", query=expression)
        return answer["result"] if answer else []

    def stop(self) -> None:
        """End it."""
        self.process.terminate()
        self.process.wait(30)


def busy_gateway() -> bytes:
    """The page of a gateway that has answered requests, more with each time it is asked."""
    metrics, seconds = GatewayMetrics(), int(time.monotonic())
    metrics.requests.labels("POST /v1/decisions", "200").inc(seconds)
    metrics.answers.labels("decided", "approve").inc(seconds)
    metrics.undelivered.labels("transactions")
    for _ in range(seconds % 1_000):
        metrics.seconds.observe(0.01)
    return metrics.exposition()


def busy_webhooks() -> bytes:
    """The page of webhooks that have delivered, likewise."""
    metrics, seconds = WebhookMetrics(), int(time.monotonic())
    metrics.start("orders")
    metrics.attempts.labels("orders", "204").inc(seconds)
    for _ in range(seconds % 1_000):
        metrics.seconds.labels("orders").observe(0.1)
    return metrics.exposition()


@pytest.fixture
def scoring(serving_settings: Settings, champion: str) -> Iterator[Running]:
    """An engine that has scored payments and refused some, with rules, lists and a policy in shadow."""
    make_live(serving_settings, DECLINES_SMALL)
    make_live(serving_settings, named_policy("plain"), "shadow")
    put_on_list(serving_settings, "blocked", "card-1")
    publish_profiles(serving_settings, "2025-10-09", [f"merchant-{number}" for number in range(9)])
    send(serving_settings, [transaction(number) for number in range(300)])
    send(serving_settings, [b"no payment"] * 3)
    with running(serving_settings) as engine:
        wait_for_predictions(serving_settings, 300)
        yield engine


@pytest.fixture
def prometheus(scoring: Running, local_settings: Settings, tmp_path: Path) -> Iterator[Prometheus]:
    """It asks the engine, and what the monitor, a gateway and webhooks would have shown."""
    pushed = generate_latest(build_registry(local_settings, full_report())) + b"push_time_seconds 1.76e9\n"
    server = HealthServer("127.0.0.1", 0, scoring.engine, scoring.metrics)
    with (
        served(lambda: pushed) as monitor,
        served(busy_gateway) as gateway,
        served(busy_webhooks) as webhooks,
    ):
        made = Prometheus(tmp_path, server.port, monitor, gateway, webhooks)
        try:
            yield made
        finally:
            made.stop()
            server.close()


def test_every_panel_is_answered_and_every_rule_holds(
    prometheus: Prometheus, scoring: Running, serving_settings: Settings
) -> None:
    # given an engine that goes on scoring while Prometheus looks
    numbers = count(300)

    def is_seen() -> bool:
        send(serving_settings, [transaction(number) for number in islice(numbers, 20)])
        recorded = (
            "fraud:slow_predictions:ratio_rate3d", "fraud:flagged:ratio_rate1d",
            "fraud:gateway_fallbacks:ratio_rate5m",
        )  # fmt: skip
        return all(prometheus.series(name) for name in (*recorded, "rate(fraud_batch_messages_sum[30s]) > 0"))

    wait_for(is_seen, 60, every_s=0.5)

    # when every panel's queries are asked; one that cannot be parsed fails at once
    answers = {
        (board.name, panel.title): [prometheus.series(query.expr) for query in panel.queries]
        for board in boards()
        for panel in board.panels
        if panel.queries
    }

    # then they are answered
    silent = {title for (board, title), found in answers.items() if board != "cluster" and not any(found)}
    assert silent <= NOTHING_YET
    # and the figures are the engine's
    (row,) = prometheus.series("sum(fraud_dead_letters_total)")
    assert float(row["value"][1]) == 3
    # and every rule was computed
    groups = prometheus.ask("rules")["groups"]
    assert {rule["health"] for group in groups for rule in group["rules"]} == {"ok"}
    # and those alerts fire that should
    state = {rule["name"]: rule["state"] for group in groups for rule in group["rules"] if "state" in rule}
    assert state["FraudDrift"] == "pending"
    assert state["FraudMonitorSilent"] == "pending"
    assert state["FraudScoringDown"] == "inactive"
