"""What is remarkable about a policy that can be used."""

from dataclasses import dataclass
from typing import Literal

FindingLevel = Literal["override", "warning"]
"""`override`: it is not proposed without the word of its author that it is meant."""


@dataclass(frozen=True)
class PolicyFinding:
    """One sentence about a policy.

    Attributes:
        kind: of the finding, for programs: `always_true`, `declines`, ...
        subject: `rule NAME`, `list NAME`, `segment NAME` or `policy`.
        sentence: what is remarkable, and what to do.
        level: whether it stops a proposal.
        share: of yesterday's payments, where it is about those.
    """

    kind: str
    subject: str
    sentence: str
    level: FindingLevel = "warning"
    share: float | None = None

    def __str__(self) -> str:
        return f"{self.subject}: {self.sentence}"


def percent(share: float) -> str:
    """A share as text: 0.4 %."""
    shown = f"{100 * share:.1f} %"
    return "less than 0.1 %" if shown == "0.0 %" and share > 0 else shown
