"""Policies for tests that need no more of them than a name, a rule and a digest."""

import hashlib

from fraud.decisions.policy import Band, Policy, Rule, Segment


def some_policy(name: str = "acme", *rules: Rule) -> Policy:
    text = f"version: 1\nname: {name}\nbands: {{on: probability, review: model}}\n"
    segment = Segment("default", None, "probability", (Band("review", "model"),))
    digest = hashlib.sha256(repr((name, rules)).encode()).hexdigest()[:16]
    return Policy(name, (), rules, (segment,), None, 0.0, 0.0, 1.0, digest, text)
