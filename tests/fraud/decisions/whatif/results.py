"""A what-if on made-up payments."""

from dataclasses import replace
from typing import Any

from fraud.decisions.whatif.comparison import LivePolicy, compare_policies
from fraud.decisions.whatif.parts import DecidedAgain
from fraud.decisions.whatif.result import LeftOutPayments, WhatIfResult
from tests.fraud.decisions.whatif.histories import band_outcomes, decided, history, policy


def a_result(count: int = 4_000, **changes: Any) -> WhatIfResult:
    """Of `policy()`, against its bands alone."""
    bands = band_outcomes(count)
    again = DecidedAgain(policy(review_capacity=100), decided(count), bands)
    left_out = LeftOutPayments(not_scored=12, not_matured=1_234)
    found = compare_policies(history(count), again, LivePolicy("default", bands), left_out)
    return replace(found, **changes)
