"""What a board is made of: queries and panels, as Grafana's JSON wants them.

Grafana's Foundation SDK for Python is not used: it has no release for Grafana 12 (the last is 11.6), and
it would replace these two classes only, not the layout, variables and PromQL of the boards.

Only what the boards need of Grafana's dashboard schema (version 41, Grafana 12):
https://grafana.com/docs/grafana/latest/dashboards/build-dashboards/view-dashboard-json-model/
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

Json = dict[str, Any]
Color = Literal["green", "yellow", "orange", "red", "blue", "purple", "transparent"]

DATASOURCE: Json = {"type": "prometheus", "uid": "${datasource}"}
_INTERVAL = "$__rate_interval"


@dataclass(frozen=True)
class Query:
    """One expression of PromQL and how its series are called.

    Attributes:
        expr: with `$job` and the like as the board's variables are called.
        legend: a template of labels such as `{{partition}}`.
        instant: the newest value alone, as a table wants it.
        heatmap: buckets of a histogram.
    """

    expr: str
    legend: str = ""
    instant: bool = False
    heatmap: bool = False

    def as_json(self, ref: str) -> Json:
        """As a panel holds it under the letter `ref`."""
        content: Json = {
            "refId": ref,
            "datasource": DATASOURCE,
            "expr": self.expr,
            "legendFormat": self.legend or "__auto",
            "editorMode": "code",
            "range": not self.instant,
            "instant": self.instant,
        }
        return content | ({"format": "heatmap"} if self.heatmap else {})


@dataclass(frozen=True)
class Panel:
    """One picture.

    Attributes:
        kind: Grafana's name of its type.
        title: what is seen.
        description: how to read it, and when to worry.
        queries: what it shows.
        unit: Grafana's name, such as `s`, `percentunit`, `bytes`.
        width: of 24 columns.
        height: in rows of 30 pixels.
        thresholds: from which value on which colour; the first from the least.
        options: of this type of panel.
        custom: how the fields are drawn.
        limits: the least and the largest of the axis.
        overrides: other drawing of named series.
        repeat: a variable of the board; one panel for each of its values.
    """

    kind: str
    title: str
    description: str
    queries: Sequence[Query] = ()
    unit: str = "short"
    width: int = 8
    height: int = 8
    thresholds: Sequence[tuple[float | None, Color]] = ((None, "green"),)
    options: Mapping[str, Any] = field(default_factory=dict)
    custom: Mapping[str, Any] = field(default_factory=dict)
    limits: tuple[float | None, float | None] = (None, None)
    overrides: Sequence[Json] = ()
    repeat: str | None = None

    def as_json(self, number: int, x: int, y: int) -> Json:
        """As a board holds it, at a place."""
        steps = [{"value": value, "color": color} for value, color in self.thresholds]
        content: Json = {
            "unit": self.unit,
            "thresholds": {"mode": "absolute", "steps": steps},
            "custom": dict(self.custom),
        }
        content |= {name: at for name, at in zip(("min", "max"), self.limits, strict=True) if at is not None}
        repeated = {"repeat": self.repeat, "repeatDirection": "h", "maxPerRow": 4} if self.repeat else {}
        return repeated | {
            "id": number,
            "type": self.kind,
            "title": self.title,
            "description": self.description,
            "datasource": DATASOURCE,
            "gridPos": {"x": x, "y": y, "w": self.width, "h": self.height},
            "targets": [query.as_json(chr(ord("A") + place)) for place, query in enumerate(self.queries)],
            "fieldConfig": {"defaults": content, "overrides": list(self.overrides)},
            "options": dict(self.options),
        }


def lines(title: str, description: str, *queries: Query, stacked: bool = False, **more: Any) -> Panel:
    """Curves over time; where there are thresholds, they are drawn as lines."""
    custom: Json = {"fillOpacity": 25 if stacked else 8, "lineWidth": 1, "showPoints": "never"}
    custom |= {"stacking": {"mode": "normal"}} if stacked else {}
    custom |= {"thresholdsStyle": {"mode": "dashed"}} if len(more.get("thresholds", ())) > 1 else {}
    options = {
        "legend": {"displayMode": "table", "placement": "bottom", "calcs": ["lastNotNull", "max"]},
        "tooltip": {"mode": "multi", "sort": "desc"},
    }
    return Panel(
        "timeseries",
        title,
        description,
        queries,
        custom=custom,
        options=options,
        **({"limits": (0, None)} | more),
    )


def number(title: str, description: str, query: Query, **more: Any) -> Panel:
    """One figure, large, in the colour of its threshold, with its course behind it."""
    options = {
        "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
        "colorMode": "value",
        "graphMode": "area",
        "textMode": "auto",
    }
    return Panel("stat", title, description, (query,), options=options, **({"width": 4, "height": 4} | more))


def heatmap(title: str, description: str, expr: str, unit: str = "s", **more: Any) -> Panel:
    """A histogram over time: the darker, the more."""
    options = {
        "calculate": False,
        "cellGap": 1,
        "color": {"mode": "scheme", "scheme": "Oranges", "steps": 64, "exponent": 0.5, "reverse": False},
        "yAxis": {"unit": unit, "axisPlacement": "left"},
        "tooltip": {"mode": "single", "yHistogram": True},
        "legend": {"show": True},
    }
    query = Query(expr, "{{le}}", heatmap=True)
    return Panel("heatmap", title, description, (query,), unit=unit, options=options, **more)


def bars(title: str, description: str, *queries: Query, **more: Any) -> Panel:
    """The newest values side by side."""
    options = {
        "orientation": "horizontal",
        "displayMode": "basic",
        "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
    }
    return Panel("bargauge", title, description, queries, options=options, **more)


def table(title: str, description: str, query: Query, hidden: Sequence[str] = (), **more: Any) -> Panel:
    """The newest values with their labels."""
    return Panel(
        "table",
        title,
        description,
        (Query(query.expr, query.legend, instant=True),),
        options={"showHeader": True, "cellHeight": "sm"},
        overrides=[
            {
                "matcher": {"id": "byName", "options": name},
                "properties": [{"id": "custom.hidden", "value": True}],
            }
            for name in ("Time", *hidden)
        ],
        **more,
    )


def firing(title: str, description: str, **more: Any) -> Panel:
    """Prometheus's alerts that fire, with their severity."""
    query = Query('ALERTS{alertname=~"Fraud.+", alertstate="firing"}')
    return table(title, description, query, ("Value", "__name__", "alertstate"), **more)


def words(title: str, text: str, **more: Any) -> Panel:
    """Markdown."""
    options = {"mode": "markdown", "content": text}
    return Panel("text", title, "", options=options, **more)


def here(metric: str, **labels: str) -> str:
    """The series of the chosen namespace; labels are matched as regular expressions."""
    chosen = {"namespace": "$namespace"} | labels
    return metric + "{" + ", ".join(f'{name}=~"{value}"' for name, value in chosen.items()) + "}"


def rate(metric: str, by: str = "", **labels: str) -> str:
    """How much a counter grows in a second, added up over everything but the labels `by`."""
    inner = f"rate({here(metric, **labels)}[{_INTERVAL}])"
    return f"sum by ({by}) ({inner})" if by else f"sum({inner})"


def growth(metric: str, by: str = "", **labels: str) -> str:
    """How much a counter has grown between two points of the picture."""
    inner = f"increase({here(metric, **labels)}[{_INTERVAL}])"
    return f"sum by ({by}) ({inner})" if by else f"sum({inner})"


def quantile(share: float, histogram: str, by: str = "") -> str:
    """The value below which the share of a histogram is."""
    return f"histogram_quantile({share:g}, {rate(f'{histogram}_bucket', f'le, {by}' if by else 'le')})"


def highest(metric: str, by: str, **labels: str) -> str:
    """A gauge's highest value for each value of the label `by`."""
    return f"max by ({by}) ({here(metric, **labels)})"


def total(metric: str, by: str, **labels: str) -> str:
    """A gauge added up over everything but the label `by`."""
    return f"sum by ({by}) ({here(metric, **labels)})"


def per(expression: Callable[..., str], metric: str, label: str, **labels: str) -> Query:
    """A series for each value of a label, named by it: `per(rate, "fraud_stage_seconds_sum", "stage")`."""
    return Query(expression(metric, label, **labels), f"{{{{{label}}}}}")
