"""What a backtest ends with in the terminal."""

from fraud.evaluation.backtest.summary import CANDIDATES
from tasks.backtest_summary import WIDTH, summary_lines


def figures(precision: float) -> dict[str, dict[str, float]]:
    values = {"average_precision": precision, "precision": 0.6, "recall": 0.9, "money_saved": 5_846_100}
    return {name: {"mean": value} for name, value in values.items()}


def test_a_backtest_ends_with_what_it_used_the_figures_and_the_report() -> None:
    # given the figures of a model that is better than a baseline with a long name
    summary = {
        "used": {
            "rows": "194,720 transactions used, 3 rows rejected",
            "labels": "194,720 labels used; 1,954 transactions are fraud (1.00%)",
            "days": "174 days to train and 112 to test, of the 365 from 2021-01-01 to 2021-12-31 (UTC)",
            "report": "report.html",
            "json": None,
        },
        "currency": "USD",
        "mean": {"model": figures(0.94), "logistic regression": figures(0.9)},
        "folds": [{CANDIDATES: {"model": {"alerts_per_day": 7.4}}}],
    }
    # when
    lines = list(summary_lines(summary))
    # then they fit a terminal, with units and a conclusion
    assert max(map(len, lines)) <= WIDTH
    assert "$58,461" in next(line for line in lines if line.startswith("model"))
    assert "better than the best baseline, logistic regression" in " ".join(lines)
    assert lines[-1] == "report     report.html"
