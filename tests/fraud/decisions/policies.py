"""Random policies over the fields and features of v1."""

from typing import Any

import yaml
from hypothesis import strategies as st

WHENS = (
    "amount > 500",
    "amount / card_count_1h > 100",
    "card_count_10m > 5 AND merchant_category IN ('digital', 'airline')",
    "merchant_category = 'grocery' OR country IS NULL",
    "NOT country = 'DE'",
    "in_list('blocked')",
    "in_list('watched') OR probability >= 0.9",
    "expected_cost BETWEEN 5 AND 300",
    "hour > 6 AND currency = 'EUR'",
)
OUTCOMES = ("approve", "challenge", "review", "decline")
LISTS: dict[str, Any] = {
    "watched": {"field": "country"},
    "blocked": {"field": "card_id", "outcome": "decline"},
    "trusted": {"field": "merchant_id", "outcome": "approve"},
}

_bounds = st.floats(0, 1).map(lambda value: round(value, 2))
_probability_bands = st.fixed_dictionaries(
    {"on": st.just("probability")},
    optional={"challenge": _bounds, "review": st.just("model"), "decline": _bounds.map(lambda v: 1 - v / 7)},
)
_cost_bands = st.fixed_dictionaries(
    {"on": st.just("expected_cost")},
    optional={
        "challenge": st.integers(0, 9),
        "review": st.integers(10, 99),
        "decline": st.integers(100, 900),
    },
)


@st.composite
def policy_texts(draw: st.DrawFn) -> str:
    """The YAML of a policy."""
    rules = [
        {
            "name": f"r{number}",
            "when": draw(st.sampled_from(WHENS)),
            "outcome": draw(st.sampled_from(OUTCOMES)),
            "mode": draw(st.sampled_from(["off", "shadow", "live", "live", "live"])),
            "share": draw(st.sampled_from([1, 0.5, 0.1])),
            "priority": draw(st.integers(0, 5)),
            **draw(st.sampled_from([{}, {"expires": "2026-01-01T00:20Z"}])),
        }
        for number in range(draw(st.integers(0, 5)))
    ]
    segments = [
        {"name": f"s{number}", "when": draw(st.sampled_from(WHENS)), "bands": draw(_bands())}
        for number in range(draw(st.integers(0, 3)))
    ]
    document = {
        "version": 1,
        "name": "random",
        "lists": LISTS,
        "rules": rules,
        "segments": segments,
        "bands": draw(_bands()),
        "review": {"sample": draw(st.sampled_from([0, 0.2]))},
        "control_group": draw(st.sampled_from([0, 0.3])),
    }
    return yaml.safe_dump(document, sort_keys=False)


def _bands() -> st.SearchStrategy[dict[str, Any]]:
    return st.one_of(_probability_bands, _cost_bands).filter(_is_unambiguous)


def _is_unambiguous(bands: dict[str, Any]) -> bool:
    bounds = [value for key, value in bands.items() if key != "on"]
    return len(set(bounds)) == len(bounds)
