"""How `fraud watch` looks."""

import math
from collections.abc import Sequence

from rich import box
from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from deployments.watch.figures import MetricsRates, MetricsReading
from fraud.decisions.outcomes import Outcome
from fraud.machine.moments import clock_text, zone_name
from fraud.machine.outcome_styles import OUTCOME_STYLES
from fraud.machine.terminal import shown
from fraud.money.texts import amount_text
from fraud.schema import Prediction

_BLOCKS = " ▁▂▃▄▅▆▇█"
_NONE = "-"
_OUTCOMES: tuple[tuple[str, Outcome], ...] = (
    ("to be reviewed", "review"), ("challenged", "challenge"), ("declined", "decline"),
)  # fmt: skip


_WIDE = 116
"""Columns of a terminal that has room for three panels and for every column of the alerts."""
_MEDIUM = 76
"""Likewise for two panels."""

_Pairs = list[tuple[str, str]]


def page(
    reading: MetricsReading, rates: MetricsRates, alerts: Sequence[Prediction], width: int = _WIDE
) -> Group:
    """Figures above, alerts below, laid out for a terminal of `width` columns."""
    traffic, engine, model = _traffic(rates), _engine(reading), _model(reading, rates)
    if width >= _WIDE:
        panels = [("traffic", traffic), ("engine", engine), ("model", model)]
    elif width >= _MEDIUM:
        panels = [("traffic and model", [*traffic, *model[:1]]), ("engine", [*engine, *model[1:]])]
    else:
        panels = [("scoring", [*traffic, *engine, *model])]
    return Group(_side_by_side(panels), _alerts(alerts, width), *_troubles(reading))


def _side_by_side(panels: Sequence[tuple[str, _Pairs]]) -> Table:
    grid = Table.grid(expand=True)
    for _ in panels:
        grid.add_column(ratio=1)
    grid.add_row(*(Panel(_pairs(*pairs), title=title, title_align="left") for title, pairs in panels))
    return grid


def _traffic(rates: MetricsRates) -> _Pairs:
    return [
        ("predictions", f"{rates.rate:,.1f}/s"),
        *((name, _share(rates.outcome_shares[outcome])) for name, outcome in _OUTCOMES),
        ("visible after, p50", _duration(rates.p50)),
        ("p99", _duration(rates.p99)),
    ]


def _engine(reading: MetricsReading) -> _Pairs:
    return [
        ("workers ready", f"{sum(ready for _, ready, _ in reading.states)} of {len(reading.states)}"),
        ("waiting", f"{reading.total('fraud_lag_messages'):,.0f} messages"),
        ("cards", f"{reading.total('fraud_state_cards'):,.0f}"),
        ("their memory", f"{reading.total('fraud_state_bytes') / 1e6:,.0f} MB"),
    ]


def _model(reading: MetricsReading, rates: MetricsRates) -> _Pairs:
    return [
        ("model version", ", ".join(reading.labelled("fraud_model_info", "version")) or "none yet"),
        ("models loaded", f"{reading.total('fraud_model_reloads_total'):,.0f}"),
        ("policy", ", ".join(_policies(reading)) or "default"),
        ("dead letters", f"{reading.total('fraud_dead_letters_total'):,.0f}"),
        ("scores 0 … 1", sparkline(rates.scores.tolist())),
    ]


def _policies(reading: MetricsReading) -> list[str]:
    """The versions in force: several while workers take a new one over."""
    return reading.labelled("fraud_policy_info", "version", alias="live")


def sparkline(shares: Sequence[float]) -> str:
    """Bars of eighths; by the root, since almost every payment scores near nothing."""
    highest = max(shares, default=0.0)
    if not highest:
        return "nothing yet"
    return "".join(_BLOCKS[math.ceil(math.sqrt(share / highest) * (len(_BLOCKS) - 1))] for share in shares)


def _alerts(alerts: Sequence[Prediction], width: int) -> RenderableType:
    """An alert a line; a narrow terminal leaves columns out and crops what is long."""
    if not alerts:
        return Text("no alert yet", style="dim")
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0), expand=True)
    for name, ratio in _columns(width).items():
        title = f"time ({zone_name(alerts[0].timestamp)})" if name == "time" else name
        table.add_column(title, ratio=ratio, no_wrap=name != "why" or width < _WIDE, overflow="ellipsis")
    for one in alerts:
        cells = _cells(one)
        table.add_row(*(cells[name] for name in _columns(width)))
    return table


def _columns(width: int) -> dict[str, int | None]:
    """The columns of the alerts that a terminal has room for; those with a ratio share what is left."""
    if width >= _WIDE:
        names = ("time", "amount", "outcome", "score", "card", "transaction")
        return dict.fromkeys(names) | {"why": 1}
    if width >= _MEDIUM:
        return {"time": None, "amount": None, "outcome": None, "score": None, "card": 1, "why": 2}
    return {"time": None, "outcome": None, "score": None, "card": 1}


def _cells(one: Prediction) -> dict[str, Text]:
    return {
        "time": Text(clock_text(one.timestamp)),
        "amount": Text(shown(amount_text(one.amount, one.currency)), justify="right"),
        "outcome": Text(one.decision, style=OUTCOME_STYLES[one.decision]),
        "score": Text(f"{one.score:.3f}", style="bold red" if one.score > 0.8 else "red"),
        "card": Text(shown(one.card_id)),
        "transaction": Text(shown(one.transaction_id)),
        "why": Text("; ".join(map(shown, _why(one)))),
    }


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
