"""Reports of the monitor that a dashboard beside an embedded stack makes."""

from collections.abc import Iterator

import pytest

from fraud.settings import Settings
from tests.conftest import SettingsFactory
from tests.serving.dashboard.support import DashboardServer, produce_alert, run_dashboard, wait_for


def making_reports(settings: Settings) -> Settings:
    return settings.model_copy(
        update={"dashboard": settings.dashboard.model_copy(update={"makes_reports": True})}
    )


@pytest.fixture
def makes_reports(settings: Settings, mlflow_db: str) -> Iterator[DashboardServer]:
    """A dashboard that makes reports, with MLflow's database."""
    registry = settings.registry.model_copy(update={"tracking_uri": mlflow_db})
    with run_dashboard(making_reports(settings.model_copy(update={"registry": registry}))) as one:
        yield one


@pytest.mark.broker
def test_a_report_that_was_asked_for_is_on_the_page(makes_reports: DashboardServer) -> None:
    # given payments that were scored, and no report
    anna = makes_reports.browser("anna")
    produce_alert(makes_reports.settings, 1)
    wait_for(anna.alerts)
    assert anna.get("monitoring").json()["value"] == []

    # when an analyst asks for one
    answer = anna.post("monitoring/report", {})

    # then it is made in a process of its own, and shown
    assert (answer.status_code, answer.json()["is_on"]) == (202, True)
    wait_for(lambda: anna.get("monitoring").json()["value"], timeout_s=120)
    (report,) = anna.get("monitoring").json()["value"]
    assert report["predictions"] == 1
    assert anna.get("monitoring").json()["making"]["problem"] is None
    # and the audit has who asked
    entries = makes_reports.browser("adam").get("audit").json()["entries"]
    assert [one["who"] for one in entries if one["action"] == "report asked"] == ["anna"]


def test_why_there_is_no_report_is_one_sentence(make_settings: SettingsFactory) -> None:
    # given a Kafka that is away
    settings = making_reports(make_settings(kafka={"request_timeout_s": 0.2}))
    with run_dashboard(settings) as dashboard:
        anna = dashboard.browser("anna")
        # when
        anna.post("monitoring/report", {})
        # then
        problem = wait_for(lambda: anna.get("monitoring").json()["making"]["problem"], timeout_s=120)
        assert "Kafka" in problem
        assert "\n" not in problem


def test_elsewhere_the_flow_makes_reports(offline_dashboard: DashboardServer) -> None:
    anna = offline_dashboard.browser("anna")
    answer = anna.post("monitoring/report", {})
    assert answer.status_code == 409
    assert "flows/monitor.py" in answer.json()["detail"]
    assert anna.get("monitoring").json()["making"]["is_on"] is False


def test_a_viewer_asks_for_no_report(offline_dashboard: DashboardServer) -> None:
    assert offline_dashboard.browser("vera").post("monitoring/report", {}).status_code == 403
