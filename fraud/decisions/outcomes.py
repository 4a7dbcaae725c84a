"""The outcomes of a decision."""

from typing import Literal

Outcome = Literal["approve", "challenge", "review", "decline"]
"""`challenge`: the payer proves who they are (step-up); `review`: it passes, and an analyst looks at it."""

OUTCOMES: tuple[Outcome, ...] = ("approve", "challenge", "review", "decline")
"""By severity; arrays of outcomes hold the index."""

APPROVE, CHALLENGE, REVIEW, DECLINE = range(len(OUTCOMES))
