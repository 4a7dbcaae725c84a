"""A what-if as one HTML page, which loads nothing from anywhere."""

from collections.abc import Callable, Iterator
from dataclasses import asdict
from itertools import combinations
from pathlib import Path
from typing import Any

from fraud.decisions.outcomes import OUTCOMES
from fraud.decisions.whatif.figures import OutcomeFigures
from fraud.decisions.whatif.report.charts import draw_band_charts
from fraud.decisions.whatif.report.wording import (
    GLOSSARY,
    NOTHING,
    count,
    interval,
    left_out_lines,
    money,
    period,
    points,
    share,
    signed,
    title_of,
)
from fraud.decisions.whatif.result import PartFigures, PolicyFigures, WhatIfResult
from fraud.evaluation.metrics import Estimate
from fraud.evaluation.report.page import fill_page

MOST_PAIRS = 30
"""Of rules that fire together, on the page; the JSON has all."""

Values = dict[str, Any]
Show = Callable[[float], str]


def render_what_if(result: WhatIfResult) -> str:
    """The page."""
    return fill_page(
        Path(__file__).with_name("page.html"),
        name=result.policy,
        digest=result.digest,
        live=result.live,
        subtitle=period(result) + ".",
        unit=f", {result.currency}" if result.currency else "",
        warnings=result.warnings,
        headline=list(_headline(result)),
        policies=[_policy(one, number) for number, one in enumerate(result.policies)],
        differences=[_difference(one) for one in result.policies if one.difference],
        parts=[_part(one) for one in result.parts],
        charts=[asdict(chart) for chart in draw_band_charts(result)],
        overlap=_overlap(result),
        outcomes=OUTCOMES,
        changes=[(old, [f"{new[to]:,}" for to in OUTCOMES]) for old, new in result.changes.items()],
        capacity=result.review_capacity,
        over_capacity=[(str(one.day), f"{one.reviews:,}") for one in result.days_over_capacity],
        left_out=left_out_lines(result.left_out),
        glossary=GLOSSARY,
    )


def _headline(result: WhatIfResult) -> Iterator[Values]:
    figures, against = result.policies[0].figures, result.policies[1].difference
    assert against is not None
    unit, live = result.currency, result.live
    yield _card("Alerts a day", figures.alerts, count, against.alerts, "", live)
    recall = _card("Recall", figures.recall, share, against.recall, " points", live)
    yield recall | {"beside": f"{recall['beside']}, precision {share(figures.precision.value)}"}
    yield _card(f"Fraud approved {unit}".strip(), figures.lost, money, against.lost, "", live)
    declined = figures.wrongly_declined
    yield _card(f"Wrongly declined {unit}".strip(), declined, money, against.wrongly_declined, "", live)


def _card(name: str, one: Estimate, show: Show, against: Estimate, unit: str, live: str) -> Values:
    show_difference = points if unit else show
    difference = signed(show_difference(against.value))
    return {
        "name": name,
        "value": show(one.value),
        "beside": interval(one, show),
        "note": f"{difference}{unit} {interval(against, show_difference)} against {live}",
    }


def _policy(one: PolicyFigures, number: int) -> Values:
    return {"name": one.name, "is_tried": number == 0, "cells": list(_cells(one.figures))}


def _cells(figures: OutcomeFigures) -> Iterator[tuple[str, str]]:
    """Each figure with its interval."""
    yield count(figures.alerts.value), interval(figures.alerts, count)
    for number in (figures.challenges, figures.reviews, figures.declines):
        yield count(number), ""
    for one in (figures.precision, figures.recall, figures.money_precision, figures.money_recall):
        yield share(one.value), interval(one, share)
    for one in (figures.lost, figures.saved, figures.wrongly_declined):
        yield money(one.value), interval(one, money)


def _difference(one: PolicyFigures) -> Values:
    found = one.difference
    assert found is not None
    shown = (
        (found.alerts, count),
        (found.precision, points),
        (found.recall, points),
        (found.lost, money),
        (found.saved, money),
        (found.wrongly_declined, money),
    )
    return {
        "name": one.name,
        "cells": [(signed(show(value.value)), interval(value, show)) for value, show in shown],
    }


def _part(part: PartFigures) -> Values:
    figures = part.figures
    cells = [
        (count(part.fired), ""),
        (count(figures.alerts.value), interval(figures.alerts, count)),
        (share(figures.precision.value), interval(figures.precision, share)),
        (share(figures.recall.value), interval(figures.recall, share))
        if figures.alerts.value
        else (NOTHING, ""),
        (money(figures.lost.value), interval(figures.lost, money)),
        (money(figures.saved.value), interval(figures.saved, money)),
        (money(figures.wrongly_declined.value), interval(figures.wrongly_declined, money)),
        *_alone(part),
        (f"{part.failed:,}" if part.failed else "", ""),
    ]
    return {"kind": part.kind, "name": title_of(part), "cells": cells}


def _alone(part: PartFigures) -> Iterator[tuple[str, str]]:
    if part.kind == "band":
        yield from ((NOTHING, ""), (NOTHING, ""))
        return
    yield count(part.alone), ""
    yield count(part.alone_frauds), money(part.alone_fraud_money) if part.alone_frauds else ""


def _overlap(result: WhatIfResult) -> list[Values]:
    """Pairs of rules that fire together, most of the smaller one first."""
    names, counts = result.overlap.rules, result.overlap.counts
    pairs = [
        (counts[row][column] / min(counts[row][row], counts[column][column]), row, column)
        for row, column in combinations(range(len(names)), 2)
        if counts[row][column]
    ]
    pairs.sort(key=lambda one: (-one[0], one[1:]))
    return [
        {
            "names": (names[row], names[column]),
            "cells": (
                f"{counts[row][column]:,}",
                share(counts[row][column] / counts[row][row]),
                share(counts[row][column] / counts[column][column]),
            ),
        }
        for _, row, column in pairs[:MOST_PAIRS]
    ]
