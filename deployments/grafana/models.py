"""Which model scores, how, and how well, as far as labels show by now."""

from deployments.grafana.board import Board, Row
from deployments.grafana.panels import Query, bars, growth, heatmap, here, lines, number, per, table
from fraud.settings import MonitoringSettings

_DRIFTED = MonitoringSettings().psi


def _in_service() -> Row:
    return Row(
        "In service",
        (
            table(
                "Version by worker",
                "All workers should have the same champion; a challenger scores in shadow.",
                Query(here("fraud_model_info")),
                ("Value", "__name__", "job", "namespace"),
            ),
            lines(
                "Models taken into service, and refused",
                "A worker takes a promoted version up within seconds, or refuses it and says why in its log.",
                Query(growth("fraud_model_reloads_total"), "taken"),
                Query(growth("fraud_models_refused_total"), "refused"),
            ),
            lines(
                "Share of payments that are flagged",
                "Over an hour and over a day. Three times the day's share is an attack or a fault.",
                Query(here("fraud:flagged:ratio_rate1h"), "1 h"),
                Query(here("fraud:flagged:ratio_rate1d"), "1 d"),
                unit="percentunit",
            ),
            heatmap(
                "Scores",
                "Calibrated, and nearly all close to 0. A band that wanders: drift, or a new model.",
                growth("fraud_score_bucket", "le"),
                unit="percentunit",
                width=12,
            ),
            lines(
                "Age of the merchants' profiles",
                "By prediction: of the payment's day (current), of an earlier one (stale), or none at all.",
                per(growth, "fraud_profile_use_total", "age"),
                stacked=True,
                width=8,
            ),
            lines(
                "Age of the profiles of ids and categories",
                "By prediction: as due (current), older (stale), later than the payment (newer), or none.",
                per(growth, "fraud_field_profile_use_total", "age"),
                stacked=True,
                width=8,
            ),
            lines(
                "Moment of these profiles",
                "How long ago it was, by worker. It grows until the next run is taken over.",
                Query(here("fraud_field_profile_age_seconds"), "{{pod}}"),
                unit="s",
                width=8,
            ),
            number(
                "Merchants with a profile",
                "As each worker knows them.",
                Query(f"max({here('fraud_profiles')})"),
                height=8,
                thresholds=((None, "red"), (1, "blue")),
            ),
        ),
    )


def _performance() -> Row:
    return Row(
        "Performance on matured labels (the monitor's, hourly)",
        (
            lines(
                "Recall",
                "Of known frauds, those that were flagged; below the lower curve somebody is called.",
                Query(here("fraud_monitor_recall"), "recall {{model}}"),
                Query(here("fraud_monitor_expected_recall"), "expected of its own test"),
                Query(
                    f"{here('fraud_monitor_expected_recall')} - {here('fraud_monitor_limit_recall_drop')}",
                    "limit",
                ),
                unit="percentunit",
                limits=(0, 1),
            ),
            lines(
                "Precision",
                "Of flagged payments, those that were fraud: what an analyst's alert is worth.",
                Query(here("fraud_monitor_precision"), "{{model}}"),
                unit="percentunit",
                limits=(0, 1),
            ),
            lines(
                "Precision by rule",
                "Of a rule's payments with matured labels, those that were fraud. Low: it annoys customers.",
                Query(here("fraud_monitor_rule_precision"), "{{rule}}"),
                unit="percentunit",
                limits=(0, 1),
            ),
            lines(
                "Recall by outcome",
                "Of known frauds, those that were approved (lost), challenged, reviewed, declined.",
                Query(here("fraud_monitor_outcome_recall"), "{{outcome}}"),
                unit="percentunit",
                stacked=True,
                limits=(0, 1),
            ),
            lines(
                "From fraud to report",
                "In days. When the slowest tenth is above the limit, training takes frauds for legitimate.",
                Query(here("fraud_monitor_label_delay_days"), "{{quantile}}"),
                Query(here("fraud_monitor_limit_label_delay_days"), "limit"),
                unit="d",
            ),
        ),
    )


def _drift() -> Row:
    return Row(
        "Drift (the monitor's, hourly)",
        (
            bars(
                "Farthest from training: population stability index",
                f"Up to 0.1 nothing has changed; above {_DRIFTED:g} a new training is asked for.",
                Query(f"topk(15, {here('fraud_monitor_drift_psi')})", "{{column}}", instant=True),
                height=12,
                thresholds=((None, "green"), (0.1, "yellow"), (_DRIFTED, "red")),
                limits=(0, None),
            ),
            lines(
                "Index over time",
                "The ten farthest columns at each moment. All at once: the world; one alone: a sender.",
                Query(f"topk(10, {here('fraud_monitor_drift_psi')})", "{{column}}"),
                height=12,
                thresholds=((None, "green"), (_DRIFTED, "red")),
            ),
            lines(
                "Kolmogorov-Smirnov distance over time",
                "The ten largest: the widest gap between then and now, as a share of payments.",
                Query(f"topk(10, {here('fraud_monitor_drift_ks')})", "{{column}}"),
                height=12,
                limits=(0, 1),
            ),
        ),
    )


def _truth() -> Row:
    return Row(
        "Do serving and lake agree? (the monitor's, hourly)",
        (
            lines(
                "Predictions compared",
                "`mismatched`, `missing` and `extra` must be 0, always.",
                Query(here("fraud_monitor_consistency"), "{{outcome}}"),
                width=12,
            ),
            number(
                "Disagreements",
                "Kinds of them.",
                Query(f"max({here('fraud_monitor_inconsistencies')})"),
                thresholds=((None, "green"), (1, "red")),
                height=8,
            ),
            number(
                "Reasons to train",
                "Drifted columns and a fallen recall, as the automation counts them.",
                Query(f"max({here('fraud_monitor_alarms')})"),
                thresholds=((None, "green"), (1, "orange")),
                height=8,
            ),
            number(
                "Frauds with matured labels",
                "Matured ones. Below 30 recall says nothing.",
                Query(f"max({here('fraud_monitor_matured_frauds')})"),
                thresholds=((None, "orange"), (MonitoringSettings().min_frauds, "blue")),
                height=8,
            ),
        ),
    )


def models() -> Board:
    """For who trains."""
    return Board(
        "models",
        "Fraud: models",
        "Which model scores, how, and how well, as far as labels show by now.",
        (_in_service(), _performance(), _drift(), _truth()),
        since="now-7d",
    )
