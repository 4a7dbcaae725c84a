"""The rules: what Prometheus thinks of them, what fires when, and whether each alert says what to do."""

import re
from typing import Any

import pytest
import yaml

from fraud.settings import Settings
from tests.monitoring.prometheus import ROOT, RULES, alerts, exported_metrics, named_metrics, promtool, rules
from tests.monitoring.reports import full_report

CASES = sorted((ROOT / "tests" / "monitoring" / "rules").glob("*.yaml"))
RUNBOOK = (ROOT / "docs" / "operations.md").read_text()


def anchors(text: str) -> set[str]:
    """Of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^a-z0-9 -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def runbook_entries() -> dict[str, str]:
    """What the section on alerts says, by heading."""
    section = re.split(r"^## ", RUNBOOK.split("\n## Alerts\n")[1], flags=re.MULTILINE)[0]
    entries = re.split(r"^### ", section, flags=re.MULTILINE)[1:]
    return {entry.partition("\n")[0]: entry.partition("\n")[2] for entry in entries}


def test_prometheus_reads_the_rules() -> None:
    promtool("check", "rules", "--lint=all", "--lint-fatal", *RULES)


@pytest.mark.parametrize("case", CASES, ids=lambda path: path.stem)
def test_alerts_fire_when_they_should_and_only_then(case: Any) -> None:
    promtool("test", "rules", case)


def test_every_alert_is_tried_both_ways() -> None:
    # given what the cases expect
    fires, stays = set[str](), set[str]()
    for case in CASES:
        for test in yaml.safe_load(case.read_text())["tests"]:
            for one in test["promql_expr_test"]:
                named = re.findall(r'alertname=~?"([^"]+)"', one["expr"]) or [".*"]
                matching = {rule["alert"] for rule in alerts() if re.fullmatch(named[0], rule["alert"])}
                (fires if one["exp_samples"] else stays).update(matching)
    # then
    everything = {rule["alert"] for rule in alerts()}
    assert everything - fires == set()
    assert everything - stays == set()


def test_the_cases_are_of_the_rules() -> None:
    assert [case.name for case in CASES] == [file.name for file in RULES]


def test_every_alert_has_its_entry_in_the_runbook_and_every_entry_its_alert() -> None:
    assert {rule["alert"] for rule in alerts()} == set(runbook_entries())


@pytest.mark.parametrize("name", runbook_entries())
def test_an_entry_says_what_it_means_where_to_look_and_what_to_do(name: str) -> None:
    entry = runbook_entries()[name]
    assert re.findall(r"^\*\*(\w+)\.\*\*", entry, re.MULTILINE) == ["Means", "Look", "Do"]
    for anchor in re.findall(r"\]\(#([^)]+)\)", entry):
        assert anchor in anchors(RUNBOOK)


@pytest.mark.parametrize("rule", alerts(), ids=lambda rule: rule["alert"])
def test_an_alert_says_what_is_wrong_in_words_and_points_at_its_entry(rule: dict[str, Any]) -> None:
    annotations = rule["annotations"]
    assert rule["labels"]["severity"] in {"page", "ticket"}
    assert annotations.keys() == {"summary", "description", "runbook_url"}
    assert annotations["description"].endswith(".")
    assert not re.search(r"fraud_\w+", annotations["summary"] + annotations["description"]), (
        "words, not series"
    )
    page, _, anchor = annotations["runbook_url"].partition("#")
    assert page == "docs/operations.md"
    assert anchor == rule["alert"].lower()
    assert anchor in anchors(RUNBOOK)


def test_rules_ask_for_exported_metrics(local_settings: Settings) -> None:
    exported = exported_metrics(local_settings, full_report()) | {"up", "push_time_seconds"}
    for rule in rules():
        assert named_metrics(rule["expr"]) <= exported, rule.get("alert") or rule["record"]
