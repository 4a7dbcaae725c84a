"""Is all well, and if not, where?"""

from deployments.grafana.board import Board, Row
from deployments.grafana.panels import (
    Query,
    firing,
    growth,
    heatmap,
    here,
    highest,
    lines,
    number,
    per,
    quantile,
    rate,
)

_LATE = f"avg_over_time({here('fraud:slow_predictions:ratio_rate1h')}[30d])"
_BUDGET = "scalar(fraud:slow_predictions:budget)"

BURN_WINDOWS = ("5m", "30m", "1h", "6h", "3d")


def _at_a_glance() -> Row:
    return Row(
        "At a glance",
        (
            number("Payments", "Scored in a second.", Query(rate("fraud_batch_messages_sum")), unit="reqps"),
            number(
                "99 % are answered within",
                "From the payment's time in Kafka to the prediction. A replayed history looks late.",
                Query(quantile(0.99, "fraud_end_to_end_seconds")),
                unit="s",
                thresholds=((None, "green"), (0.5, "orange"), (2, "red")),
            ),
            number(
                "Waiting",
                "Payments in Kafka that no worker has scored yet.",
                Query(f"sum({here('fraud_lag_messages')})"),
                thresholds=((None, "green"), (1_000, "orange"), (10_000, "red")),
            ),
            number(
                "Flagged",
                "Share of the payments that went to the analysts, over an hour.",
                Query(here("fraud:flagged:ratio_rate1h")),
                unit="percentunit",
                thresholds=((None, "blue"),),
            ),
            number(
                "Refused today",
                "Messages in the topic of dead letters; they were not scored.",
                Query(f"sum(increase({here('fraud_dead_letters_total')}[1d]))"),
                thresholds=((None, "green"), (1, "orange"), (1_000, "red")),
            ),
            number(
                "Champion",
                "The version of the model that scores.",
                per(highest, "fraud_model_info", "version", role="champion"),
                thresholds=((None, "purple"),),
            ),
        ),
    )


def _objective() -> Row:
    return Row(
        "The objective: 99 % of a month's predictions within half a second",
        (
            lines(
                "How fast the allowance burns",
                "1 uses the month's allowance up in exactly a month. Above 14.4 for an hour, or 6 for six, "
                "somebody is called; above 1 for three days there is a ticket.",
                *(
                    Query(f"{here(f'fraud:slow_predictions:ratio_rate{window}')} / {_BUDGET}", window)
                    for window in BURN_WINDOWS
                ),
                width=12,
                thresholds=((None, "green"), (1, "yellow"), (6, "orange"), (14.4, "red")),
            ),
            number(
                "Allowance left",
                "Of 30 days, or of as many as Prometheus keeps; hours count alike, however busy.",
                Query(f"1 - {_LATE} / {_BUDGET}"),
                unit="percentunit",
                height=8,
                thresholds=((None, "red"), (0, "orange"), (0.25, "green")),
            ),
            firing("Alerts that fire", "Each has its entry in the runbook (above, to the right).", width=8),
        ),
    )


def _traffic() -> Row:
    return Row(
        "Payments",
        (
            lines(
                "In and out",
                "What was read from Kafka equals what was answered, refused and dropped as repeated. "
                "Two curves that part mean that something is lost or stuck.",
                Query(rate("fraud_batch_messages_sum"), "read"),
                Query(
                    f"{rate('fraud_predictions_total')} + {rate('fraud_dead_letters_total')} "
                    f"+ {rate('fraud_repeated_transactions_total')}",
                    "predictions + dead letters + repeated",
                ),
                unit="reqps",
            ),
            lines(
                "Alerts by outcome",
                "What the model decided. The share of reviews is what analysts have to look at.",
                per(growth, "fraud_predictions_total", "decision"),
                stacked=True,
                overrides=(
                    {
                        "matcher": {"id": "byName", "options": "approve"},
                        "properties": [{"id": "custom.axisPlacement", "value": "right"}],
                    },
                ),
            ),
            heatmap(
                "Latency, end to end",
                "Each column is a moment; the darker, the more predictions took that long.",
                growth("fraud_end_to_end_seconds_bucket", "le"),
            ),
        ),
    )


def _model() -> Row:
    return Row(
        "The model",
        (
            number(
                "Recall, matured",
                "Of the frauds whose labels have had their time, those that were flagged.",
                Query(f"max({here('fraud_monitor_recall')})"),
                unit="percentunit",
                width=6,
                thresholds=((None, "blue"),),
            ),
            number(
                "Precision, matured",
                "Of the flagged payments whose labels have had their time, those that were fraud.",
                Query(f"max({here('fraud_monitor_precision')})"),
                unit="percentunit",
                width=6,
                thresholds=((None, "blue"),),
            ),
            number(
                "Drifted columns",
                "Features and score that are distributed otherwise than in training.",
                Query(
                    f"count({here('fraud_monitor_drift_psi')} > on (job, model) group_left () "
                    f"{here('fraud_monitor_limit_drift_psi')}) or vector(0)"
                ),
                width=6,
                thresholds=((None, "green"), (1, "orange"), (5, "red")),
            ),
            number(
                "The monitor's last word",
                "How long ago. Above two hours nobody watches the model.",
                Query('time() - max(push_time_seconds{job="fraud-monitor"})'),
                unit="s",
                width=6,
                thresholds=((None, "green"), (7_200, "red")),
            ),
        ),
    )


def overview() -> Board:
    """The board that hangs on the wall."""
    return Board(
        "overview",
        "Fraud: overview",
        "Is all well, and if not, where?",
        (_at_a_glance(), _objective(), _traffic(), _model()),
    )
