"""The scoring engine by rate, errors and duration, then by use and saturation of what it has.

RED: T. Wilkie, "The RED Method", 2018. USE: B. Gregg, "Thinking Methodically about Performance", 2012.
"""

from deployments.grafana.board import Board, Row, labels_variable
from deployments.grafana.panels import (
    Query,
    growth,
    heatmap,
    here,
    lines,
    per,
    quantile,
    rate,
    total,
)
from fraud.settings import ServingSettings

_BATCH_SIZE: int = ServingSettings.model_fields["batch_size"].default
_SHARES = ((0.5, "50 %"), (0.95, "95 %"), (0.99, "99 %"))


def _rate() -> Row:
    return Row(
        "Rate",
        (
            lines(
                "Payments by worker",
                "Read from Kafka in a second. Partitions are shared out evenly; cards are not.",
                per(rate, "fraud_batch_messages_sum", "instance"),
                unit="reqps",
                stacked=True,
            ),
            lines(
                "In and out",
                "What was read, and what became of it. Repeated: the card's window held that transaction_id.",
                Query(rate("fraud_batch_messages_sum"), "read"),
                Query(rate("fraud_predictions_total"), "predictions"),
                Query(rate("fraud_dead_letters_total"), "dead letters"),
                Query(rate("fraud_repeated_transactions_total"), "repeated"),
                unit="reqps",
            ),
            lines(
                "Payments in a micro-batch",
                "Batches grow with the load and cost less a payment. "
                f"At the limit ({_BATCH_SIZE:,}) it is full.",
                Query(
                    f"{rate('fraud_batch_messages_sum', 'instance')} "
                    f"/ {rate('fraud_batch_messages_count', 'instance')}",
                    "{{instance}}",
                ),
            ),
        ),
    )


def _errors() -> Row:
    return Row(
        "Errors",
        (
            lines(
                "Refused messages",
                "They went to the topic of dead letters with the reason; `fraud redrive` puts them back.",
                per(growth, "fraud_dead_letters_total", "instance"),
            ),
            lines(
                "Keys that are not the card, or not placed by murmur2",
                "Of sampled payments. Such a card's payments are in several partitions; see `fraud doctor`.",
                Query(
                    'sum by (kind) (increase(fraud_keys_total{kind!~"murmur2|ambiguous"}[$__rate_interval]))',
                    "{{kind}}",
                ),
            ),
            lines(
                "Commits that had to be repeated, producers replaced",
                "A few at a rebalance or a broker's restart are normal. Each prediction still appears once.",
                Query(growth("fraud_aborted_commits_total", "instance"), "aborted {{instance}}"),
                Query(growth("fraud_producers_replaced_total", "instance"), "replaced {{instance}}"),
            ),
            lines(
                "Registry and snapshots",
                "Looks at MLflow that failed, versions that were refused, snapshots that failed.",
                Query(growth("fraud_registry_failures_total"), "MLflow silent"),
                Query(growth("fraud_models_refused_total"), "version refused"),
                Query(
                    growth("fraud_snapshots_total", "outcome", outcome="failed|refused"),
                    "snapshot {{outcome}}",
                ),
            ),
        ),
    )


def _duration() -> Row:
    stage = (
        "sum by (le) (increase(" + here("fraud_stage_seconds_bucket", stage="$stage") + "[$__rate_interval]))"
    )
    return Row(
        "Duration",
        (
            heatmap(
                "End to end",
                "From the payment's time in Kafka to the committed prediction, as many as are that dark.",
                growth("fraud_end_to_end_seconds_bucket", "le"),
                width=12,
            ),
            lines(
                "End to end, by share",
                "Half, 95 and 99 of a hundred predictions are quicker. Dashed: the objective for 99.",
                *(Query(quantile(share, "fraud_end_to_end_seconds"), name) for share, name in _SHARES),
                unit="s",
                width=6,
                thresholds=((None, "green"), (0.5, "red")),
            ),
            lines(
                "Commits",
                "How long Kafka takes for a transaction. It runs beside the scoring.",
                *(Query(quantile(share, "fraud_commit_seconds"), name) for share, name in _SHARES),
                unit="s",
                width=6,
            ),
            lines(
                "Where a second goes",
                "Seconds of each second that all workers spend in a stage; the highest is what to improve.",
                per(rate, "fraud_stage_seconds_sum", "stage"),
                unit="percentunit",
                stacked=True,
                width=24,
            ),
            heatmap(
                "Stage $stage",
                "Time of one micro-batch in this stage.",
                stage,
                width=6,
                height=7,
                repeat="stage",
            ),
        ),
    )


def _saturation() -> Row:
    return Row(
        "Saturation",
        (
            lines(
                "Lag by partition",
                "Payments that wait. One alone: a busy card or a stuck worker. All: too few workers.",
                per(total, "fraud_lag_messages", "partition"),
                width=12,
            ),
            lines(
                "Cards in memory, by partition",
                "Cards with a payment within 30 days.",
                per(total, "fraud_state_cards", "partition"),
                width=6,
            ),
            lines(
                "State, by partition",
                "Memory of these cards.",
                per(total, "fraud_state_bytes", "partition"),
                unit="bytes",
                width=6,
                stacked=True,
            ),
            lines(
                "Memory of the log, by partition",
                "Messages of 30 days as a share of those for which a card seen once is remembered.",
                Query(f"sum by (partition) ({here('fraud_state_used_ratio')})", "{{partition}}"),
                unit="percentunit",
                width=12,
                thresholds=((None, "green"), (0.8, "orange"), (1, "red")),
            ),
            lines(
                "Forgotten to stay within memory",
                "Cards that were not seen again, and payments of cards with too many.",
                Query(growth("fraud_state_forgotten_total", "what"), "{{what}}"),
                width=12,
            ),
        ),
    )


def _use() -> Row:
    return Row(
        "Use",
        (
            lines(
                "Processor, by worker",
                "1 is a whole core. One thread scores, others fetch, compress and commit: 1 to 1.5 is full.",
                per(rate, "process_cpu_seconds_total", "instance", job="fraud-serving"),
                thresholds=((None, "green"), (1, "orange")),
            ),
            lines(
                "Memory, by worker",
                "Resident. It follows the number of cards, with room to collect garbage in. A worker that "
                "reaches its limit is ended.",
                Query(here("process_resident_memory_bytes", job="fraud-serving"), "{{instance}}"),
                Query(here("fraud_memory_limit_bytes", job="fraud-serving"), "{{instance}}: limit"),
                unit="bytes",
            ),
            lines(
                "Open files, by worker",
                "Connections, mostly. It must not grow without end.",
                Query(here("process_open_fds", job="fraud-serving"), "{{instance}}"),
            ),
            lines(
                "Partitions restored",
                "At starts and rebalances: from a snapshot in the lake, or by replaying the topic.",
                per(growth, "fraud_restorations_total", "source"),
                width=12,
            ),
            lines(
                "How long restoring takes",
                "A partition is scored again after that.",
                Query(quantile(0.95, "fraud_restore_seconds"), "95 %"),
                unit="s",
                width=12,
            ),
        ),
    )


def engine() -> Board:
    """For who looks after the workers."""
    return Board(
        "engine",
        "Fraud: scoring engine",
        "Rate, errors and duration of the workers, and what they use.",
        (_rate(), _errors(), _duration(), _saturation(), _use()),
        variables=(labels_variable("stage", "fraud_stage_seconds_count"),),
    )
