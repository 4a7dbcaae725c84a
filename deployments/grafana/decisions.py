"""What payments are decided by: outcomes, rules, lists, and the policies in force."""

from deployments.grafana.board import Board, Row
from deployments.grafana.panels import Query, growth, here, highest, lines, per, rate, table


def _outcomes() -> Row:
    return Row(
        "Outcomes",
        (
            lines(
                "Share of payments by outcome, without approved ones",
                "A step: a policy was moved, or an entry came to a list. A slope: the payments have changed.",
                Query(
                    f"{rate('fraud_predictions_total', 'decision', decision='challenge|review|decline')} "
                    f"/ on () group_left () {rate('fraud_predictions_total')}",
                    "{{decision}}",
                ),
                unit="percentunit",
                stacked=True,
                width=12,
            ),
            lines(
                "Share that is declined",
                "Over 15 minutes and over a day; three times the day's share calls somebody.",
                Query(here("fraud:declined:ratio_rate15m"), "15 min"),
                Query(here("fraud:declined:ratio_rate1d"), "1 d"),
                unit="percentunit",
                width=6,
            ),
            lines(
                "The policy in shadow would decide",
                "Its decisions are recorded and change nothing.",
                per(growth, "fraud_shadow_decisions_total", "decision"),
                width=6,
            ),
        ),
    )


def _rules() -> Row:
    return Row(
        "Rules and lists",
        (
            lines(
                "Live rules that fired",
                "Whether they decided or not. A rule that never fires can go.",
                per(growth, "fraud_rule_hits_total", "rule", mode="live"),
            ),
            lines(
                "Rules in shadow that fired",
                "Also live rules, of cards that are not in their share.",
                per(growth, "fraud_rule_hits_total", "rule", mode="shadow"),
            ),
            lines(
                "Rules that failed",
                "They count as not fired. A division by zero, mostly: the rule should guard it.",
                per(growth, "fraud_rule_failures_total", "rule"),
            ),
            lines(
                "List hits",
                "Payments that are on a list of the policy.",
                per(growth, "fraud_list_hits_total", "list"),
            ),
            lines(
                "Entries",
                "Of the policy's lists, expired ones too, as the worker knows them that knows most.",
                per(highest, "fraud_list_entries", "list"),
            ),
            lines(
                "Control group and samples",
                "Approved whatever would have been decided, and approved payments given to analysts.",
                Query(growth("fraud_control_group_total", "would_be"), "control, else {{would_be}}"),
                Query(growth("fraud_samples_total"), "samples"),
            ),
        ),
    )


def _policies() -> Row:
    return Row(
        "Policies",
        (
            table(
                "Version by worker",
                "All workers should have the same live policy within two seconds of a move.",
                Query(here("fraud_policy_info")),
                ("Value", "__name__", "job", "namespace"),
            ),
            lines(
                "Time since the policy was put into force",
                "By alias. It starts again at 0 with each move and each start of a worker.",
                Query(
                    f"time() - max by (alias) ({here('fraud_policy_applied_timestamp_seconds')})", "{{alias}}"
                ),
                unit="s",
            ),
            lines(
                "Refused versions, and the position of the lists",
                "Refused: it does not fit the definitions. Positions that differ: a worker lags.",
                Query(growth("fraud_policies_refused_total"), "refused"),
                Query(f"max({here('fraud_lists_position')}) - min({here('fraud_lists_position')})", "behind"),
            ),
        ),
    )


def decisions() -> Board:
    """The board for who answers for the policy."""
    return Board(
        "decisions", "Fraud: decisions", "What are payments decided by?", (_outcomes(), _rules(), _policies())
    )
