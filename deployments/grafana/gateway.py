"""What callers of the gateway are answered, how fast, and what webhooks deliver."""

from deployments.grafana.board import Board, Row
from deployments.grafana.panels import (
    Query,
    growth,
    heatmap,
    here,
    highest,
    lines,
    per,
    quantile,
    rate,
    total,
)

_SHARES = (0.5, 0.99, 0.999)


def _answers() -> Row:
    requests, answers = "fraud_gateway_requests_total", "fraud_gateway_answers_total"
    return Row(
        "Answers",
        (
            lines(
                "Requests by status",
                "429: a key's rate is exceeded. 503: too many requests in flight, or Kafka is slow.",
                Query(rate(requests, "route, status"), "{{route}} {{status}}"),
                unit="reqps",
            ),
            lines(
                "Answers by outcome",
                "Decisions and fallbacks; a step without a step in the payments is a change of policy.",
                Query(rate(answers, "status, outcome"), "{{status}}: {{outcome}}"),
                unit="reqps",
                stacked=True,
            ),
            lines(
                "Share of fallbacks",
                "Answers without a decision by the deadline; above 1% for five minutes somebody is called.",
                Query(here("fraud:gateway_fallbacks:ratio_rate5m"), "5 min"),
                unit="percentunit",
                thresholds=((None, "green"), (0.01, "red")),
            ),
        ),
    )


def _latency() -> Row:
    return Row(
        "Time to the answer",
        (
            heatmap(
                "How long answers take",
                "From the request's headers to the answer. A second band: commits, restarts or another load.",
                rate("fraud_gateway_seconds_bucket", "le"),
            ),
            lines(
                "Percentiles",
                "Above 0.1 s at p99 for ten minutes there is a ticket.",
                *(Query(quantile(share, "fraud_gateway_seconds"), f"p{share * 100:g}") for share in _SHARES),
                unit="s",
                thresholds=((None, "green"), (0.1, "orange")),
            ),
            lines(
                "Requests in flight",
                "Rate times latency; at the gateway's limit further requests get 503.",
                per(total, "fraud_gateway_in_flight", "instance"),
            ),
        ),
    )


def _agreement() -> Row:
    return Row(
        "Answers and the log",
        (
            lines(
                "Answers that are not the committed decision",
                "Exceptions must be 0. Late: the decision came after its fallback.",
                per(growth, "fraud_gateway_events_total", "kind"),
            ),
            lines(
                "Oldest answered decision that is not committed",
                "About the commit interval; growth says that commits do not come through.",
                per(highest, "fraud_gateway_unconfirmed_seconds", "instance"),
                unit="s",
            ),
            lines(
                "Time without any decision",
                "Payments wait and nothing is decided. Does the engine run and have a model? See its board.",
                per(highest, "fraud_gateway_silent_seconds", "instance"),
                unit="s",
                thresholds=((None, "green"), (10, "red")),
            ),
            lines(
                "Messages that Kafka did not take",
                "Payments, labels and events, by topic.",
                per(growth, "fraud_gateway_undelivered_total", "topic"),
            ),
            lines(
                "Payments in memory",
                "Repeated requests are answered from them; the oldest go first at the limit.",
                per(highest, "fraud_gateway_remembered", "instance"),
            ),
        ),
    )


def _webhooks() -> Row:
    return Row(
        "Webhooks",
        (
            lines(
                "Delivered and given up",
                "By endpoint. What was given up is on the topic of the webhooks' dead letters.",
                Query(growth("fraud_webhook_events_total", "endpoint, result"), "{{endpoint}}: {{result}}"),
            ),
            lines(
                "Attempts by status",
                "More attempts than deliveries: an address answers slowly or with errors.",
                Query(growth("fraud_webhook_attempts_total", "endpoint, status"), "{{endpoint}} {{status}}"),
            ),
            lines(
                "From scoring to delivery, p99",
                "By endpoint, retries included.",
                Query(quantile(0.99, "fraud_webhook_seconds", "endpoint"), "{{endpoint}}"),
                unit="s",
            ),
            lines(
                "Oldest decision that is being delivered",
                "After an hour it is given up. Those behind it wait in Kafka.",
                per(highest, "fraud_webhook_waiting_seconds", "endpoint"),
                unit="s",
                thresholds=((None, "green"), (300, "orange")),
            ),
        ),
    )


def gateway() -> Board:
    """The board for who runs the gateway and the webhooks."""
    rows = (_answers(), _latency(), _agreement(), _webhooks())
    return Board("gateway", "Fraud: gateway and webhooks", "What are callers answered, and how fast?", rows)
