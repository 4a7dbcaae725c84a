"""`fraud explain`: one decision, and all that it came from."""

import math
from collections.abc import Iterable, Mapping
from typing import Annotated

import typer
from rich import box
from rich.console import Group
from rich.table import Table
from rich.text import Text

from fraud.definitions.definitions import Definitions
from fraud.lineage.collect import ModelOrigin, PredictionLineage, as_document, collect_lineage
from fraud.machine.console import Console
from fraud.machine.moments import moment_text
from fraud.machine.outcome_styles import OUTCOME_STYLES
from fraud.machine.printing import print_json
from fraud.machine.terminal import shown
from fraud.money.texts import amount_text
from fraud.schema import Prediction
from fraud.settings import load_settings
from serving.pipeline.field_texts import field_text, in_order, profile_texts
from serving.pipeline.reasons import describe, seconds_since_last

_SHOWN = 12
_BAR_WIDTH = 10
_FIGURES = ("average_precision", "precision", "recall")


def explain(
    transaction_id: Annotated[str, typer.Argument(help="As it stands in the transaction.")],
    card: Annotated[str | None, typer.Option(help="The payment's card, if others have used the id.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="For machines to read.")] = False,
) -> None:
    """The command `fraud explain`; `deployments.cli.commands` has its summary."""
    settings = load_settings()
    found = collect_lineage(settings, transaction_id, card)
    if as_json:
        print_json(as_document(found))
    else:
        Console().print(page(settings.loaded_definitions, found))


def page(definitions: Definitions, found: PredictionLineage) -> Group:
    """The lineage as a page, from the decision down to the data."""
    parts = [
        _headline(found),
        _policy(found),
        _payment(definitions, found),
        _reasons(found),
        _profiles(definitions, found.prediction),
        _features(found),
        _model(found),
    ]
    notes = [Text(f"note: {shown(note)}", style="yellow") for note in found.notes]
    return Group(*(part for part in parts if part is not None), *notes)


def _headline(found: PredictionLineage) -> Text:
    one = found.prediction
    sign = "≥" if one.score >= one.threshold else "<"
    return Text.assemble(
        (one.decision, OUTCOME_STYLES[one.decision]), f"  {shown(one.transaction_id)}: fraud probability ",
        (f"{one.score:.2%}", "bold"), f" {sign} alert threshold {one.threshold:.2%}",
    )  # fmt: skip


def _policy(found: PredictionLineage) -> Table | None:
    """What the policy made of the score: rules with their reasons, lists, and what decided."""
    one = found.prediction
    rows = {
        "version": one.policy and f"{one.policy} (digest {one.policy_digest})",
        "decided by": one.decided_by or "the bands",
        "segment": one.segment,
        "rules": _with_reasons(one.rules, found.rule_reasons),
        "in shadow": _with_reasons(one.shadow_rules, found.rule_reasons),
        "lists": one.lists and f"{', '.join(one.lists)} (as of position {one.lists_position})",
        "control group": one.would_be and f"approved to observe its outcome; otherwise {one.would_be}",
        "sample": "approved, and given to analysts at random" if one.is_sample else None,
        "shadow policy": one.shadow_decision and f"version {one.shadow_policy} would {one.shadow_decision}",
    }
    if one.policy is None and one.decided_by is None and not one.lists and one.shadow_policy is None:
        return None
    return _pairs("Policy", ((name, value) for name, value in rows.items() if value))


def _with_reasons(rules: list[str] | None, reasons: Mapping[str, str]) -> str:
    """Each rule, with its reason where the policy's text is known."""
    named = ((rule, reasons.get(rule.rpartition("@")[0])) for rule in rules or ())
    return "; ".join(f"{rule}: {reason}" if reason else rule for rule, reason in named)


def _payment(definitions: Definitions, found: PredictionLineage) -> Table:
    one = found.prediction
    reports = [
        f"{_label(report.is_fraud)}, reported by {report.source} {moment_text(report.reported_at)}"
        for report in found.reports
    ]
    if len(reports) > 1 and found.is_fraud is not None:
        reports.append(f"now {_label(found.is_fraud)}")
    rows = {
        "paid": f"{amount_text(one.amount, one.currency)} with card {shown(one.card_id)}",
        **_in_base(definitions, one),
        "at": moment_text(one.timestamp),
        "scored": moment_text(one.scored_at),
        "merchant": f"profile of {one.profile_date}" if one.profile_date else "no profile",
        "labels": "; ".join(reports) or "none yet",
    } | _fields(definitions, one)
    if one.challenger_version is not None and one.challenger_score is not None:
        rows["challenger"] = (
            f"version {one.challenger_version}: fraud probability {one.challenger_score:.2%} in shadow"
        )
    return _pairs("Payment", rows.items())


def _in_base(definitions: Definitions, one: Prediction) -> dict[str, str]:
    """The amount in the base currency, if the definitions have one."""
    if definitions.money is None:
        return {}
    base = definitions.money.code
    if one.amount_base is None:
        return {f"in {base}": f"unknown: there was no rate of {one.currency}"}
    rate = f" by the rate of {one.rate_date}" if one.rate_date else ""
    return {f"in {base}": f"{amount_text(one.amount_base, base)}{rate}"}


def _fields(definitions: Definitions, one: Prediction) -> dict[str, str]:
    """The further fields that a reviewed payment had, in the order of the definitions."""
    return {
        name: field_text(definitions.field_by_name.get(name), value, one.currency)
        for name, value in in_order(definitions, one.fields or {})
    }


def _label(is_fraud: bool) -> str:
    return "fraud" if is_fraud else "legitimate"


def _reasons(found: PredictionLineage) -> Table | None:
    given = found.prediction.reasons
    return _pairs("Reasons", ((f"{one.contribution:+.2f}", one.text) for one in given)) if given else None


def _profiles(definitions: Definitions, one: Prediction) -> Table | None:
    """What was known of a reviewed payment's ids and categories."""
    texts = profile_texts(definitions, one.definitions, one.profiles or {}, one.currency)
    if not texts:
        return None
    moment = "none yet" if one.profile_moment is None else f"before {moment_text(one.profile_moment)}"
    rows = ((label, "; ".join(of_field)) for label, of_field in texts.items())
    return _pairs(f"Profiles ({moment})", rows)


def _features(found: PredictionLineage) -> Table | None:
    """The features that moved the score most; all of them where the model cannot be asked."""
    if found.features is None:
        return None
    shares = None if found.contributions is None else found.contributions.tolist()
    definitions = found.features.definitions
    features, currency = definitions.features, definitions.amount_currency(found.prediction.currency)
    order = sorted(range(len(features)), key=lambda place: -abs(shares[place]) if shares else 0)
    source = "as they were scored" if found.features.source == "prediction" else "of the lake's training row"
    table = Table(title=f"Features {source}", title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("feature", no_wrap=True)
    table.add_column("log-odds", justify="right")
    table.add_column("")
    table.add_column("value", overflow="fold")
    since_last = seconds_since_last(features, found.features.values)
    widest = max(map(abs, shares)) if shares else 0.0
    for place in order[: _SHOWN if shares else None]:
        share = shares[place] if shares else math.nan
        value, payment = float(found.features.values[place]), found.prediction
        text = describe(features[place], value, currency, payment.fields or {}, since_last)
        cells = (f"{share:+.2f}", _bar(share, widest)) if shares else ("", "")
        table.add_row(features[place].name, *cells, Text(shown(text)))
    return table


def _bar(share: float, widest: float) -> Text:
    """Red raises the score, green lowers it."""
    length = round(_BAR_WIDTH * abs(share) / widest) if widest else 0
    return Text("█" * length, style="red" if share > 0 else "green")


def _model(found: PredictionLineage) -> Table:
    one = found.prediction
    rows = {"version": f"{one.model_version} of {one.model_name}, feature version {one.feature_version}"}
    if found.origin is not None:
        rows |= _origin(found.origin)
    if found.recomputed_score is not None:
        rows["scored again"] = f"fraud probability {found.recomputed_score:.2%} with these features"
    return _pairs("Model", rows.items())


def _origin(origin: ModelOrigin) -> dict[str, str]:
    metadata, registered = origin.metadata, origin.registered
    figures = {name: metadata.metrics[name] for name in _FIGURES if name in metadata.metrics}
    return {
        "now": ", ".join(registered.aliases) or "no alias",
        "promotion": registered.reason or "never promoted",
        "MLflow run": registered.run_id,
        "code": metadata.code_version,
        "data": f"fingerprint {metadata.data_fingerprint}",
        "trained on": f"{metadata.train_start:%Y-%m-%d} to {metadata.train_end:%Y-%m-%d}, "
        f"labels as of {metadata.labels_as_of:%Y-%m-%d}",
        "alert threshold": f"{metadata.policy}: {metadata.policy_reason}"
        if metadata.policy_reason
        else metadata.policy,
        "own test": _listed(figures),
        "parameters": _listed(metadata.params),
    }


def _pairs(title: str, rows: Iterable[tuple[str, str]]) -> Table:
    table = Table(
        title=title, title_justify="left", box=None, pad_edge=False, show_header=False, min_width=40
    )
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in rows:
        table.add_row(f"  {name}", Text(shown(value)))
    return table


def _listed(values: dict[str, float] | dict[str, float | int | str | None]) -> str:
    return ", ".join(
        f"{name} {value:.4g}" if isinstance(value, float) else f"{name} {value}"
        for name, value in values.items()
    )
