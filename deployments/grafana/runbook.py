"""The runbook where the alerts are seen: docs/operations.md's section on alerts, an entry a panel."""

import re

from deployments.grafana.board import Board, Row
from deployments.grafana.panels import words

_LINK = re.compile(r"\[([^\]]+)\]\((?!https?:)[^)]*\)")


def runbook(operations: str) -> Board:
    """The board of the text of docs/operations.md; links to other pages become words."""
    section = re.split(r"^## ", operations.split("\n## Alerts\n")[1], flags=re.MULTILINE)[0]
    entries = re.split(r"^### ", section, flags=re.MULTILINE)[1:]
    panels = []
    for entry in entries:
        title, _, text = entry.partition("\n")
        paragraphs = re.sub(r"\n(?=\*\*)", "\n\n", _LINK.sub(r"\1", text.strip()))
        panels.append(words(title, paragraphs, width=12, height=8))
    return Board(
        "runbook",
        "Fraud: runbook",
        "What each alert means, where to look and what to do.",
        [Row("Alerts", panels)],
    )
