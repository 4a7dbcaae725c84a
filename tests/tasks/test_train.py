"""What a training's page says of outcomes that were not observed."""

from dataclasses import replace

import numpy as np

from fraud.evaluation.metrics import evaluate
from fraud.labels.observation import Observation
from fraud.training.run import EvaluationReport
from tasks.train import observation_bias
from tests.fraud.training.synthetic import dataset


def test_the_page_says_what_the_figures_would_be_without_weights() -> None:
    # given test rows of which some stand for several payments, and the model's evaluations
    data = dataset(days=5, per_day=100, fraud_rate=0.2)
    weights = np.where(data.labels == 1, 4.0, 1.0)
    observation = Observation(np.zeros(len(data), dtype=np.int64), weights)
    weighted, scores = replace(data, observation=observation), np.random.default_rng(0).random(len(data))
    model, naive = (evaluate(one, scores, 0.5, review_cost=500, draws=10) for one in (weighted, data))
    report = EvaluationReport(model, {}, weighted, {"model": scores}, naive)
    # when the page is written
    sentence = observation_bias(report)
    # then it has both figures; without weights there is nothing to say
    assert f"precision {naive.precision.value:.3f} instead of {model.precision.value:.3f}" in sentence
    assert naive.precision.value < model.precision.value
    assert observation_bias(replace(report, unweighted=None)) == ""
