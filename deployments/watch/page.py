"""How `fraud watch` looks."""

import math
from collections.abc import Sequence
from datetime import UTC, datetime

from rich import box
from rich.columns import Columns
from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from deployments.watch.figures import MetricsRates, MetricsReading
from fraud.decisions.outcomes import Outcome
from fraud.machine.outcome_styles import OUTCOME_STYLES
from fraud.machine.terminal import shown
from fraud.schema import Prediction, from_minor

_BLOCKS = " ▁▂▃▄▅▆▇█"
_NONE = "-"
_OUTCOMES: tuple[tuple[str, Outcome], ...] = (
    ("to be reviewed", "review"), ("challenged", "challenge"), ("declined", "decline"),
)  # fmt: skip


def page(reading: MetricsReading, rates: MetricsRates, alerts: Sequence[Prediction]) -> Group:
    """Figures above, alerts below."""
    panels = [
        Panel(body, title=title, title_align="left", width=38)
        for title, body in (
            ("traffic", _traffic(rates)),
            ("engine", _engine(reading)),
            ("model", _model(reading, rates)),
        )
    ]
    return Group(Columns(panels), _alerts(alerts), *_troubles(reading))


def _traffic(rates: MetricsRates) -> RenderableType:
    return _pairs(
        ("predictions", f"{rates.rate:,.1f}/s"),
        *((name, _share(rates.outcome_shares[outcome])) for name, outcome in _OUTCOMES),
        ("visible after, p50", _duration(rates.p50)),
        ("p99", _duration(rates.p99)),
    )


def _engine(reading: MetricsReading) -> RenderableType:
    return _pairs(
        ("workers ready", f"{sum(ready for _, ready, _ in reading.states)} of {len(reading.states)}"),
        ("waiting", f"{reading.total('fraud_lag_messages'):,.0f} messages"),
        ("cards", f"{reading.total('fraud_state_cards'):,.0f}"),
        ("their memory", f"{reading.total('fraud_state_bytes') / 1e6:,.0f} MB"),
    )


def _model(reading: MetricsReading, rates: MetricsRates) -> RenderableType:
    return _pairs(
        ("version", ", ".join(reading.labelled("fraud_model_info", "version")) or "none yet"),
        ("taken into service", f"{reading.total('fraud_model_reloads_total'):,.0f} times"),
        ("policy", ", ".join(_policies(reading)) or "default"),
        ("dead letters", f"{reading.total('fraud_dead_letters_total'):,.0f}"),
        ("scores 0 … 1", sparkline(rates.scores.tolist())),
    )


def _policies(reading: MetricsReading) -> list[str]:
    """The versions in force: several while workers take a new one over."""
    return reading.labelled("fraud_policy_info", "version", alias="live")


def sparkline(shares: Sequence[float]) -> str:
    """Bars of eighths; by the root, since almost every payment scores near nothing."""
    highest = max(shares, default=0.0)
    if not highest:
        return "nothing yet"
    return "".join(_BLOCKS[math.ceil(math.sqrt(share / highest) * (len(_BLOCKS) - 1))] for share in shares)


def _alerts(alerts: Sequence[Prediction]) -> RenderableType:
    if not alerts:
        return Text("no alert yet", style="dim")
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, expand=True)
    for column in ("time (UTC)", "amount", "outcome", "score", "card", "transaction", "why"):
        table.add_column(column, no_wrap=column != "why", overflow="ellipsis")
    for one in alerts:
        table.add_row(
            datetime.fromtimestamp(one.timestamp / 1_000, UTC).strftime("%H:%M:%S"),
            Text(f"{from_minor(one.amount, one.currency):,} {shown(one.currency)}"),
            Text(one.decision, style=OUTCOME_STYLES[one.decision]),
            Text(f"{one.score:.3f}", style="bold red" if one.score > 0.8 else "red"),
            Text(shown(one.card_id)),
            Text(shown(one.transaction_id)),
            Text("; ".join(map(shown, _why(one)))),
        )
    return table


def _why(one: Prediction) -> list[str]:
    """What decided, if not the model's score, then the model's reasons."""
    decided = [one.decided_by] if one.decided_by else ["sample"] if one.is_sample else []
    return [*decided, *(reason.text for reason in one.reasons or [])]


def _troubles(reading: MetricsReading) -> list[Text]:
    refused = reading.total("fraud_models_refused_total")
    notes = [f"{url}: {status}" for url, ready, status in reading.states if not ready]
    if refused:
        notes.append(f"{refused:,.0f} versions could not serve; the workers' logs say why")
    if reading.total("fraud_policy_refused"):
        notes.append("a policy is refused and the one before is in force; the workers' logs say why")
    notes += [
        f"the rule {name} failed on payments, where it counts as not fired"
        for name in reading.labelled("fraud_rule_failures_total", "rule")
    ]
    return [Text(shown(note), style="yellow") for note in notes]


def _pairs(*rows: tuple[str, str]) -> Table:
    table = Table(show_header=False, box=None, pad_edge=False, expand=True)
    table.add_column(style="dim")
    table.add_column(justify="right", style="bold")
    for name, value in rows:
        table.add_row(name, Text(shown(value)))
    return table


def _share(value: float) -> str:
    return _NONE if math.isnan(value) else f"{value:.2%}"


def _duration(seconds: float) -> str:
    return _NONE if math.isnan(seconds) else f"{seconds * 1_000:,.0f} ms"
