"""How outcomes look on a terminal."""

from collections.abc import Mapping

from fraud.decisions.outcomes import Outcome

OUTCOME_STYLES: Mapping[Outcome, str] = {
    "approve": "bold green", "challenge": "bold yellow", "review": "bold magenta", "decline": "bold red",
}  # fmt: skip
"""Rich styles."""
