"""A board: rows of panels, variables, links to the other boards, marks where the model changed."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from deployments.grafana.panels import DATASOURCE, Json, Panel

_COLUMNS = 24
_TAG = "fraud"


@dataclass(frozen=True)
class Row:
    """Panels under a heading; they flow from left to right and wrap."""

    title: str
    panels: Sequence[Panel]


@dataclass(frozen=True)
class Board:
    """One of the boards.

    Attributes:
        name: of its file, and the end of its uid.
        title: as the list of boards has it.
        description: what it answers.
        rows: from top to bottom.
        since: what it shows at first, such as `now-1h`.
        variables: further ones, beside the source of data and the namespace.
    """

    name: str
    title: str
    description: str
    rows: Sequence[Row]
    since: str = "now-1h"
    variables: Sequence[Json] = ()

    @property
    def panels(self) -> list[Panel]:
        """All of them."""
        return [panel for row in self.rows for panel in row.panels]

    def as_json(self) -> Json:
        """As Grafana reads it."""
        return {
            "uid": f"fraud-{self.name}",
            "title": self.title,
            "description": self.description,
            "tags": [_TAG],
            "schemaVersion": 41,
            "version": 1,
            "editable": False,
            "graphTooltip": 1,
            "timezone": "browser",
            "refresh": "30s",
            "time": {"from": self.since, "to": "now"},
            "templating": {
                "list": [
                    _datasource(),
                    labels_variable("namespace", "fraud_batch_messages_count"),
                    *self.variables,
                ]
            },
            "annotations": {"list": [_model_changes(), _pages()]},
            "links": [_other_boards(), _runbook()],
            "panels": self._placed(),
        }

    def _placed(self) -> list[Json]:
        placed: list[Json] = []
        y = 0
        for row in self.rows:
            placed.append(_heading(row.title, len(placed) + 1, y))
            y, x, tallest = y + 1, 0, 0
            for panel in row.panels:
                if x + panel.width > _COLUMNS:
                    y, x, tallest = y + tallest, 0, 0
                placed.append(panel.as_json(len(placed) + 1, x, y))
                x, tallest = x + panel.width, max(tallest, panel.height)
            y += tallest
        return placed


def _heading(title: str, number: int, y: int) -> Json:
    place = {"x": 0, "y": y, "w": _COLUMNS, "h": 1}
    return {"id": number, "type": "row", "title": title, "collapsed": False, "gridPos": place, "panels": []}


def _datasource() -> Json:
    return {"name": "datasource", "label": "Prometheus", "type": "datasource", "query": "prometheus"}


def labels_variable(label: str, metric: str) -> Json:
    """The values of a label to choose from. `All` matches a missing label too, as without namespaces."""
    return {
        "name": label,
        "label": label.capitalize(),
        "type": "query",
        "datasource": DATASOURCE,
        "query": {"query": f"label_values({metric}, {label})", "refId": label},
        "refresh": 2,
        "includeAll": True,
        "multi": True,
        "allValue": ".*",
        "current": {"text": ["All"], "value": ["$__all"]},
    }


def _annotation(name: str, color: str, **fields: Any) -> Json:
    return {"name": name, "enable": True, "iconColor": color, "datasource": DATASOURCE, **fields}


def _model_changes() -> Json:
    expr = (
        'count by (version) (fraud_model_info{role="champion", namespace=~"$namespace"}) '
        'unless count by (version) (fraud_model_info{role="champion", namespace=~"$namespace"} offset 2m)'
    )
    return _annotation("Model versions", "purple", expr=expr, titleFormat="Version {{version}}", step="60s")


def _pages() -> Json:
    expr = 'ALERTS{alertname=~"Fraud.+", alertstate="firing", severity="page"}'
    return _annotation("Pages", "red", expr=expr, titleFormat="{{alertname}}", step="60s")


def _other_boards() -> Json:
    return {
        "type": "dashboards",
        "title": "Boards",
        "tags": [_TAG],
        "asDropdown": False,
        "keepTime": True,
        "includeVars": True,
    }


def _runbook() -> Json:
    return {"type": "link", "title": "Runbook", "url": "/d/fraud-runbook", "icon": "doc", "keepTime": False}
