"""The report as an HTML page: texts and charts in a template."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jinja2

from fraud.cards.masking import mask_text
from fraud.definitions.definitions import Definitions
from fraud.evaluation.backtest.summary import CANDIDATES, FIGURES, Summary
from fraud.evaluation.backtest.walk import FoldResult
from fraud.evaluation.drawing import SERIES
from fraud.evaluation.report.charts import draw_charts
from fraud.evaluation.report.figures import Group, Pooled, by_amount, by_fraud_type, top_missed
from fraud.evaluation.report.texts import (
    GLOSSARY,
    Money,
    date_of,
    describe_feature,
    headline_cards,
    with_deviation,
)

Values = dict[str, Any]

_HEADINGS = {
    "average_precision": "Average precision",
    "auc": "AUC",
    "card_precision_at_k": "Card precision@{k}",
    "precision": "Precision",
    "recall": "Recall",
    "recall_at_precision": "Recall at {least:.0%} precision",
}


def render_report(definitions: Definitions, results: Sequence[FoldResult], summary: Summary) -> str:
    """The page as one file, which loads nothing from anywhere.

    Args:
        definitions: of the features that are named.
        results: at least one fold; the first candidate is the model.
        summary: of these results, with `plan`, `review_cost` (minor units), `min_precision`, `warnings`.
    """
    money = Money.of(results)
    pooled = [Pooled(results, number) for number in range(len(results[0].scored))]
    return fill_page(
        Path(__file__).parent / "page.html",
        **_frame(results, summary),
        headline=headline_cards(summary, money),
        candidates=_candidates(results, summary),
        charts=[asdict(chart) for chart in draw_charts(results, pooled, summary)],
        money=_money(results, pooled, summary, money),
        groups=_groups(pooled[0], money),
        missed=_missed(definitions, results, money),
        folds=[_fold(fold) for fold in summary["folds"]],
    )


def fill_page(template: Path, **values: Any) -> str:
    """A page of the template, which finds the style of all reports as `style`."""
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, finalize=_masked)
    style = Path(__file__).with_name("style.css").read_text(encoding="utf-8")
    return environment.from_string(template.read_text(encoding="utf-8")).render(style=style, **values)


def _masked(value: Any) -> Any:
    """A value of the page without card numbers; a chart, which is marked as safe, stays as it is."""
    return mask_text(value) if type(value) is str else value


def _frame(results: Sequence[FoldResult], summary: Summary) -> Values:
    first, last = results[0].fold.test, results[-1].fold.test
    plan = summary["plan"]
    many = len(results) > 1
    period = f"{date_of(first.start)} to {date_of(last.end)}"
    return {
        "period": period,
        "subtitle": (
            f"Walk-forward backtest, tested on {period} in {len(results)} "
            f"{'folds' if many else 'fold'}: each trained on {plan['train_days']} days, "
            f"{plan['delay_days']} days before the test, with the labels reported by then"
            + (", cards known by then left out of the test." if plan["drop_known_cards"] else ".")
        ),
        "over_folds": "Mean and standard deviation over the folds." if many else "One fold.",
        "warnings": summary["warnings"],
        "figures": [
            heading.format(k=plan["k"], least=summary["min_precision"]) for heading in _HEADINGS.values()
        ],
        "k": plan["k"],
        "glossary": GLOSSARY,
    }


def _candidates(results: Sequence[FoldResult], summary: Summary) -> list[Values]:
    return [
        {
            "name": one.name,
            "look": SERIES[number],
            "cells": [with_deviation(**summary["mean"][one.name][figure]) for figure in _HEADINGS],
        }
        for number, one in enumerate(results[0].scored)
    ]


def _money(results: Sequence[FoldResult], pooled: list[Pooled], summary: Summary, money: Money) -> Values:
    cost = summary["review_cost"]
    rows = []
    for number, one in enumerate(pooled):
        lost, alerts = one.amounts * one.labels, int(one.flagged.sum())
        stopped = int(lost[one.flagged].sum())
        amounts = [int(lost.sum()), stopped, int(lost.sum()) - stopped]
        cells = [
            *map(money.show, amounts),
            f"{alerts:,}",
            *map(money.show, (alerts * cost, stopped - alerts * cost)),
        ]
        rows.append({"name": results[0].scored[number].name, "look": SERIES[number], "cells": cells})
    note = f"Over all test days, at the threshold chosen before each test; a review costs {money.show(cost)}."
    return {"rows": rows, "note": note}


def _groups(pooled: Pooled, money: Money) -> list[Values]:
    bands = [
        _group(f"{money.show(low)} to {money.show(high)}", one, money) for low, high, one in by_amount(pooled)
    ]
    fraud_types = [_group(one.name, one, money) for one in by_fraud_type(pooled)]
    note = "Of the model, at its threshold."
    tables = [
        {"title": "By kind of fraud", "head": "Kind of fraud", "note": note, "rows": fraud_types},
        {"title": "By amount", "head": "Amount", "note": note, "rows": bands},
    ]
    return [table for table in tables if table["rows"]]


def _group(name: str, group: Group, money: Money) -> Values:
    return {
        "name": name,
        "frauds": f"{group.frauds:,}",
        "found": f"{group.found:,}",
        "recall": f"{group.recall:.0%}",
        "amount": money.show(group.amount),
        "stopped": money.show(group.stopped),
    }


def _missed(definitions: Definitions, results: Sequence[FoldResult], money: Money) -> list[Values]:
    return [
        asdict(one)
        | {
            "time": datetime.fromtimestamp(one.timestamp / 1_000, UTC).strftime("%Y-%m-%d %H:%M"),
            "amount": money.show(one.amount),
            "score": f"{one.score:.3f}",
            "unusual": [describe_feature(definitions, name, value, money) for name, value in one.unusual],
        }
        for one in top_missed(results, 0)
    ]


def _fold(fold: Summary) -> list[str]:
    model = next(iter(fold[CANDIDATES].values()))
    figures = [model[figure] for figure in list(FIGURES)[:3]]
    return [
        f"{fold['test']['start']} to {fold['test']['end']}",
        f"{fold['train']['start']} to {fold['train']['end']}",
        f"{fold['train']['rows']:,}",
        f"{fold['train']['known_frauds']:,}",
        f"{fold['test']['rows']:,}",
        f"{fold['test']['frauds']:,}",
        *(f"{one['value']:.3f} [{one['low']:.3f}, {one['high']:.3f}]" for one in figures),
        f"{model['threshold']:.3f}",
    ]
