"""A what-if as tables of 80 columns."""

from collections.abc import Callable, Iterator

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from fraud.decisions.whatif.figures import FiguresDifference, OutcomeFigures
from fraud.decisions.whatif.report.wording import (
    count,
    left_out_lines,
    period,
    points,
    share,
    short,
    signed,
    title_of,
)
from fraud.decisions.whatif.result import PartFigures, WhatIfResult
from fraud.evaluation.metrics import Estimate
from fraud.machine.terminal import shown

_MONEY = ("lost", "saved", "wrongly\ndeclined")


def what_if_page(result: WhatIfResult) -> Group:
    """The whole, the difference, and each list, rule and band."""
    return Group(*_page(result))


def _page(result: WhatIfResult) -> Iterator[RenderableType]:
    unit = f"; money in {result.currency}" if result.currency else ""
    yield Text(shown(f"{period(result)}; below each figure its 95 % interval{unit}"))
    for warning in result.warnings:
        yield Text(shown(warning), "yellow")
    for table in (_policies(result), _differences(result), _parts(result)):
        yield Text()
        yield table
    yield Text()
    if result.days_over_capacity:
        most = max(result.days_over_capacity, key=lambda one: one.reviews)
        yield Text(
            f"more than {result.review_capacity:,} reviews on {len(result.days_over_capacity)} of "
            f"{result.days} days, at most {most.reviews:,} (on {most.day})",
            "yellow",
        )
    for line in left_out_lines(result.left_out):
        yield Text(f"· {line}", "dim")


def _policies(result: WhatIfResult) -> Table:
    table = _table("policy", "alerts\na day", "declines", "precision", "recall", *_MONEY)
    for number, one in enumerate(result.policies):
        table.add_row(Text(shown(one.name)), *_whole(one.figures), style="bold" if number == 0 else "")
    return table


def _whole(figures: OutcomeFigures) -> Iterator[Text]:
    yield Text(short(figures.alerts.value))
    yield Text(short(figures.declines))
    yield from (_cell(one, share) for one in (figures.precision, figures.recall))
    yield from (_cell(one, short) for one in (figures.lost, figures.saved, figures.wrongly_declined))


def _differences(result: WhatIfResult) -> Table:
    table = _table("the policy minus", "alerts\na day", "precision\npoints", "recall\npoints", *_MONEY)
    for one in result.policies:
        if one.difference is not None:
            table.add_row(Text(shown(one.name)), *_difference(one.difference))
    return table


def _difference(found: FiguresDifference) -> Iterator[Text]:
    yield _cell(found.alerts, short, is_difference=True)
    yield from (_cell(one, points, is_difference=True) for one in (found.precision, found.recall))
    yield from (_cell(one, short, is_difference=True) for one in (found.lost, found.wrongly_declined))


def _parts(result: WhatIfResult) -> Table:
    table = _table(
        "part", "true\na day", "alerts\na day", "precision", "recall", *_MONEY[1:], "frauds\nalone"
    )
    for part in result.parts:
        failed = f" ({part.failed:,} failed)" if part.failed else ""
        name = f"{title_of(part)}{' (shadow)' if part.kind == 'shadow rule' else ''}{failed}"
        table.add_row(Text(shown(name)), *_part(part), style="dim" if part.kind == "shadow rule" else "")
    return table


def _part(part: PartFigures) -> Iterator[Text]:
    figures = part.figures
    yield Text(short(part.fired))
    yield Text(short(figures.alerts.value))
    if not figures.alerts.value:
        yield from [Text("-")] * 4
    else:
        yield from (_cell(one, share) for one in (figures.precision, figures.recall))
        yield from (Text(short(one.value)) for one in (figures.saved, figures.wrongly_declined))
    yield Text("" if part.kind == "band" else count(part.alone_frauds))


def _cell(one: Estimate, show: Callable[[float], str], *, is_difference: bool = False) -> Text:
    value = signed(show(one.value)) if is_difference else show(one.value)
    bounds = "" if one.low == one.high or one.low != one.low else f"\n{show(one.low)}..{show(one.high)}"
    return Text.assemble(value, (bounds, "dim"))


def _table(first: str, *others: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=0, show_edge=False)
    table.add_column(first, overflow="fold", min_width=8)
    for name in others:
        table.add_column(name, justify="right", overflow="fold")
    return table
