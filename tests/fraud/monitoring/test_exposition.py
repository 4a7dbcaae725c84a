"""The metrics as Prometheus reads them, and their way over HTTP."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families

from fraud.errors import UnreachableError
from fraud.lake import open_lake
from fraud.monitoring import exposition
from fraud.monitoring.exposition import build_registry, push_report
from fraud.monitoring.report import MonitoringReport, alarms
from fraud.settings import Settings
from tests.conftest import SettingsFactory
from tests.fraud.monitoring.test_monitor import a_champion, build, scored


@pytest.fixture
def report(local_settings: Settings) -> MonitoringReport:
    lake, champion = open_lake(local_settings), a_champion()
    return build(local_settings, lake, champion, scored(lake, champion, lambda vectors: vectors + 5))


@pytest.fixture
def gateway() -> Iterator[tuple[str, dict[str, bytes]]]:
    """The address of what takes pushes, and what each path holds: a PUT replaces it."""
    held: dict[str, bytes] = {}

    class Gateway(BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            held[self.path] = self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Gateway)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", held
    server.shutdown()
    thread.join()
    server.server_close()


def value(registry: CollectorRegistry, name: str, **labels: str) -> float | None:
    return registry.get_sample_value(f"fraud_monitor_{name}", labels)


def test_every_kind_of_figure_is_exposed(local_settings: Settings, report: MonitoringReport) -> None:
    registry = build_registry(local_settings, report)
    assert report.matured is not None
    assert value(registry, "recall") == report.matured.recall
    assert value(registry, "expected_recall") == 0.3
    assert value(registry, "alert_rate") == report.days[-1].alert_rate
    assert value(registry, "label_delay_days", quantile="p50") == pytest.approx(5.0)
    assert value(registry, "drift_psi", column=report.features[0].name) == report.features[0].psi
    assert report.score is not None
    assert value(registry, "drift_psi", column="score") == report.score.psi
    assert report.consistency is not None
    assert value(registry, "consistency", outcome="mismatched") == report.consistency.mismatched > 0
    assert value(registry, "alarms") == len(alarms(report, local_settings.monitoring)) > 0
    assert value(registry, "inconsistencies") == 1


def test_what_cannot_be_computed_is_absent(local_settings: Settings, report: MonitoringReport) -> None:
    bare = replace(report, matured=None, score=None, features=(), consistency=None, label_delay={}, days=())
    registry = build_registry(local_settings, bare)
    assert value(registry, "recall") is None
    assert value(registry, "alert_rate") is None
    assert value(registry, "consistency", outcome="mismatched") is None
    assert value(registry, "predictions") == report.predictions


def test_the_gateway_holds_the_newest_report_of_the_model(
    make_settings: SettingsFactory, gateway: tuple[str, dict[str, bytes]], report: MonitoringReport
) -> None:
    # given
    address, held = gateway
    settings = make_settings(monitoring={"pushgateway_url": address})
    # when two reports are pushed
    push_report(settings, report)
    push_report(settings, replace(report, predictions=7))
    # then the second has taken the first one's index
    assert list(held) == ["/metrics/job/fraud-monitor/model/fraud-detector"]
    families = text_string_to_metric_families(held.popitem()[1].decode())
    samples = {sample.name: sample.value for family in families for sample in family.samples}
    assert samples["fraud_monitor_predictions"] == 7


def test_without_a_gateway_nothing_is_pushed(
    local_settings: Settings, report: MonitoringReport, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given no gateway, and every way to one watched
    pushed: list[object] = []
    monkeypatch.setattr(exposition, "push_to_gateway", lambda *given, **_: pushed.append(given))
    assert local_settings.monitoring.pushgateway_url is None
    # when a report is there, then it goes nowhere
    push_report(local_settings, report)
    assert pushed == []


def test_a_silent_gateway_is_one_sentence(make_settings: SettingsFactory, report: MonitoringReport) -> None:
    settings = make_settings(monitoring={"pushgateway_url": "http://127.0.0.1:9"})
    with pytest.raises(UnreachableError, match="FRAUD_MONITORING__PUSHGATEWAY_URL"):
        push_report(settings, report)
