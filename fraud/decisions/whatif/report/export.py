"""A what-if as files: JSON, CSV and a page."""

import csv
from collections.abc import Iterator
from dataclasses import fields, replace
from io import StringIO
from pathlib import Path
from typing import Any

import msgspec

from fraud.decisions.log.events import MAX_WHAT_IF
from fraud.decisions.whatif.figures import OutcomeFigures
from fraud.decisions.whatif.report.page import render_what_if
from fraud.decisions.whatif.result import RuleOverlap, WhatIfResult
from fraud.evaluation.metrics import Estimate

_HEAD = (
    "kind",
    "name",
    "outcome",
    "fired_a_day",
    "failed",
    "alone_a_day",
    "alone_frauds",
    "alone_fraud_money",
)


def as_json(result: WhatIfResult) -> bytes:
    """All of the result; a figure without a value is null."""
    return msgspec.json.format(msgspec.json.encode(result), indent=1)


def as_attachment(result: WhatIfResult) -> str:
    """JSON as a version of a policy takes it: if it is too long, without overlap, then without curves."""
    shorter = replace(result, overlap=RuleOverlap((), ()))
    for one in (result, shorter, replace(shorter, curves=())):
        text = msgspec.json.encode(_rounded(msgspec.to_builtins(one))).decode()
        if len(text) <= MAX_WHAT_IF:
            break
    return text


def _rounded(value: Any) -> Any:
    """Numbers with as many digits as anybody reads; one without a value stays so."""
    if isinstance(value, dict):
        return {name: _rounded(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(one) for one in value]
    return float(f"{value:.6g}") if isinstance(value, float) else value


def as_csv(result: WhatIfResult) -> str:
    """A row for each policy, list, rule and band, with the bounds of its figures."""
    sink = StringIO()
    writer = csv.writer(sink, lineterminator="\n")
    writer.writerow([*_HEAD, *_column_names()])
    for one in result.policies:
        writer.writerow(["policy", one.name, "", "", "", "", "", "", *_values(one.figures)])
    for part in result.parts:
        about = [part.fired, part.failed, part.alone, part.alone_frauds, part.alone_fraud_money]
        writer.writerow([part.kind, part.name, part.outcome or "", *about, *_values(part.figures)])
    return sink.getvalue()


def write_what_if(result: WhatIfResult, folder: Path, name: str) -> dict[str, Path]:
    """Write NAME.json, NAME.csv and NAME.html; returns the paths by kind."""
    folder.mkdir(parents=True, exist_ok=True)
    contents = {"json": as_json(result).decode(), "csv": as_csv(result), "html": render_what_if(result)}
    paths = {kind: folder / f"{name}.{kind}" for kind in contents}
    for kind, content in contents.items():
        paths[kind].write_text(content, encoding="utf-8")
    return paths


def _column_names() -> Iterator[str]:
    for one in fields(OutcomeFigures):
        yield one.name
        if one.type == Estimate:
            yield from (f"{one.name}_low", f"{one.name}_high")


def _values(figures: OutcomeFigures) -> Iterator[Any]:
    for one in fields(OutcomeFigures):
        value = getattr(figures, one.name)
        if isinstance(value, Estimate):
            yield from (value.value, value.low, value.high)
        else:
            yield value
