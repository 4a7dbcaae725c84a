"""What a training ends with in the terminal: what it used of the history, and the decision."""

from collections.abc import Iterator
from dataclasses import dataclass
from textwrap import wrap

from fraud.evaluation.gate import PromotionDecision
from fraud.training.history_use import HistoryUse

WIDTH = 80
_INDENT = " " * 11


@dataclass(frozen=True)
class TrainingResult:
    """What the gate decided on the registered version, and what of the history the version was trained on."""

    version: str
    decision: PromotionDecision
    history: HistoryUse


def training_lines(result: TrainingResult) -> Iterator[str]:
    """The result as lines of at most 80 columns."""
    texts = {
        "used": result.history.used,
        "left out": result.history.left_out,
        "decision": f"version {result.version}: {result.decision.reason}",
    }
    yield ""
    for name, text in texts.items():
        yield from wrap(f"{name:<11}{text}", WIDTH, subsequent_indent=_INDENT)
