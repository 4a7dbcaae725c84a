"""Watch the model in service: drift, matured recall, calibration, consistency; raise the alarm."""

from prefect import flow

from flows.entry import run_flow
from fraud.monitoring.report import MonitoringReport
from fraud.settings import load_settings
from tasks.monitor import keep_report, look, raise_alarm


@flow(name="monitor")
def monitor() -> MonitoringReport:
    """Look at the newest predictions; the alarm starts `retrain` where it is deployed."""
    settings = load_settings()
    report = look(settings)
    keep_report(settings, report)
    raise_alarm(settings, report)
    return report


if __name__ == "__main__":
    run_flow(monitor)
