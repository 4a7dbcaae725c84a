"""`python -m deployments.grafana`: write the boards to where the chart and compose take them from."""

import json
from pathlib import Path

from deployments.grafana.board import Board
from deployments.grafana.cluster import cluster
from deployments.grafana.decisions import decisions
from deployments.grafana.engine import engine
from deployments.grafana.gateway import gateway
from deployments.grafana.models import models
from deployments.grafana.overview import overview
from deployments.grafana.runbook import runbook

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "k8s" / "chart" / "files" / "boards"


def boards() -> list[Board]:
    """All boards."""
    operations = (ROOT / "docs" / "operations.md").read_text()
    return [overview(), engine(), models(), decisions(), gateway(), cluster(), runbook(operations)]


def as_text(board: Board) -> str:
    """A board's file."""
    return json.dumps(board.as_json(), indent=1, ensure_ascii=False) + "\n"


def main() -> None:
    """Write them all."""
    FOLDER.mkdir(exist_ok=True)
    for board in boards():
        (FOLDER / f"{board.name}.json").write_text(as_text(board))


if __name__ == "__main__":
    main()
