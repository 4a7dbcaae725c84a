"""A policy to start from: bands by the threshold of a model, and by the precision of what it scored."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fraud.decisions.document import DEFAULT_FILE
from fraud.evaluation.metrics import descending
from fraud.registry.bundle import ModelBundle
from fraud.training.thresholds import LEAST_ALERTS

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class DeclineBound:
    """From `lower` on payments are declined; `reason` says why there."""

    lower: float
    reason: str


def find_decline_bound(
    scores: Floats, fraud: Floats, weights: Floats, precision: float
) -> DeclineBound | None:
    """The lowest score from which on the share of fraud is at least `precision`; None if there is none.

    Args:
        scores: of payments whose label is known, (n,).
        fraud: how many frauds each stands for, (n,).
        weights: how many payments each stands for, (n,).
        precision: in [0, 1].
    """
    if not len(scores):
        return None
    order, ends = descending(scores)
    caught, known = np.cumsum(fraud[order])[ends], np.cumsum(weights[order])[ends]
    good = np.flatnonzero((caught >= precision * known) & (ends + 1 >= LEAST_ALERTS))
    if not len(good):
        return None
    last = int(good[-1])
    return DeclineBound(
        float(scores[order][ends[last]]),
        f"{caught[last]:,.0f} of {known[last]:,.0f} logged payments from it on were fraud",
    )


def suggest_policy(model: ModelBundle, decline: DeclineBound | None = None) -> str:
    """The YAML of a policy: the default lists, review from the model's threshold on, and decline.

    A bound for decline that is not above that threshold would leave nothing to review; it is left out.
    """
    metadata, bands = model.metadata, f"review: {model.metadata.threshold:.6g}"
    reasons = [
        f"Proposed from {metadata.model_name}, version {model.version} ({model.digest}).",
        f"review ({metadata.policy}): {metadata.policy_reason}",
    ]
    if decline is not None and decline.lower > metadata.threshold:
        bands += f", decline: {decline.lower:.6g}"
        reasons.append(f"decline: {decline.reason}")
    text = DEFAULT_FILE.read_text(encoding="utf-8")
    body = text[text.index("version: 1") :].replace("name: default", f"name: model_{model.version}")
    comments = "".join(f"# {' '.join(line.split())}\n" for line in reasons)
    return comments + body.replace("review: model", bands)
