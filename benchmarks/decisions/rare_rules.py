"""A policy whose rules fire as rarely on made-up payments as they do on real ones."""

from pathlib import Path

import yaml

from fraud.decisions.document import POLICY, parse_policy
from fraud.decisions.policy import Policy
from fraud.decisions.policy_file.parts import BandsPart, PolicyDocument, RulePart, SegmentPart
from fraud.definitions.checks.yaml_source import parse_yaml, read_text
from fraud.definitions.definitions import Definitions

_CONDITION = "amount BETWEEN 50 AND 50.4"
_COST_FACTOR = 1e6
_HIGH_PROBABILITY = 0.999


def rarely_firing(definitions: Definitions, path: Path) -> Policy:
    """The policy of a file with one more condition in each rule, and segments that hold hardly any back.

    On the made-up payments its rules would fire on a third and its lower bounds flag one in 25, and what is
    flagged is explained, which costs far more than to decide. With these changes rules fire on one payment in
    300, as they do on real ones, and an engine explains about as many payments as without the policy. All is
    computed as before.
    """
    text = read_text(path, str(path), POLICY)
    document = PolicyDocument.model_validate(parse_yaml(text, str(path), POLICY).value)
    changed = document.model_copy(
        update={
            "rules": [_rule(one) for one in document.rules],
            "segments": [_segment(one) for one in document.segments],
        }
    )
    return parse_policy(definitions, yaml.safe_dump(changed.model_dump(exclude_unset=True), sort_keys=False))


def _rule(rule: RulePart) -> RulePart:
    return rule.model_copy(update={"when": f"({rule.when}) AND {_CONDITION}"})


def _segment(segment: SegmentPart) -> SegmentPart:
    return segment.model_copy(update={"bands": _bands(segment.bands)})


def _bands(bands: BandsPart) -> BandsPart:
    if bands.on == "expected_cost":
        bounds = {name: getattr(bands, name) for name in ("challenge", "review", "decline")}
        return bands.model_copy(
            update={
                name: lower * _COST_FACTOR for name, lower in bounds.items() if isinstance(lower, float | int)
            }
        )
    return bands if bands.challenge is None else bands.model_copy(update={"challenge": _HIGH_PROBABILITY})
