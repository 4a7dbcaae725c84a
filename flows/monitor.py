"""Watch the model in service: drift, matured recall, calibration, consistency; raise the alarm."""

from prefect import flow

from flows.entry import run_flow
from fraud.monitoring.report import MonitoringReport
from fraud.settings import load_settings
from fraud.telemetry import traced
from tasks.monitor import keep_report, look, push_figures, raise_alarm


@flow(name="monitor")
def monitor() -> MonitoringReport:
    """Look at the newest predictions; the alarm starts `retrain` where it is deployed."""
    settings = load_settings()
    with traced(settings, "monitor"):
        report = look(settings)
        # First: an alarm does not wait for the paperwork.
        raise_alarm(settings, report)
        keep_report(settings, report)
        push_figures(settings, report)
        return report


if __name__ == "__main__":
    run_flow(monitor)
