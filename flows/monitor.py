"""Watch the model in service: drift, matured recall, calibration, consistency; raise the alarm."""

from prefect import flow

from flows.entry import run_flow
from flows.runs import completed, keep_result, run_name
from fraud.monitoring.report import MonitoringReport
from fraud.settings import load_settings
from fraud.telemetry import flow_span
from tasks.monitor import check_model, push_metrics, raise_alarm, save_report


@flow(name="monitor", flow_run_name=run_name, on_completion=[keep_result])
def monitor() -> MonitoringReport:
    """Check the newest predictions; an alarm starts `retrain` where it is deployed."""
    settings = load_settings()
    with flow_span(settings, "monitor"):
        report = check_model(settings)
        # First: the alarm does not wait for MLflow or Prometheus.
        raised = raise_alarm(settings, report)
        save_report(settings, report)
        push_metrics(settings, report)
        return completed(report, "; ".join(raised) or f"no alarm; {report.predictions} predictions checked")


if __name__ == "__main__":
    run_flow(monitor)
