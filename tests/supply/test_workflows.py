"""The workflows: which code of others they run, and with which rights."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.supply.audit import ROOT

WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yaml"))
each_workflow = pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda one: one.name)


def loaded(workflow: Path) -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load(workflow.read_text())
    return content


@each_workflow
def test_an_action_is_named_by_its_commit(workflow: Path) -> None:
    for uses in re.findall(r"uses: (\S+)", workflow.read_text()):
        assert uses.startswith("$/") or re.fullmatch(r"[\w.-]+/[\w./-]+@[0-9a-f]{40}", uses), uses


@each_workflow
def test_a_job_has_the_rights_that_it_names_and_no_others(workflow: Path) -> None:
    content = loaded(workflow)
    assert content["permissions"] == {}
    for name, job in content["jobs"].items():
        rights = job["permissions"]
        assert rights["contents"] == ("write" if name == "publish" else "read"), name


@each_workflow
def test_every_make_target_that_a_workflow_runs_exists(workflow: Path) -> None:
    targets = set(re.findall(r"^([a-z0-9-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for words in re.findall(r"\bmake ((?:[a-z0-9-]+ ?)+)$", workflow.read_text(), re.MULTILINE):
        assert set(words.split()) <= targets, words


def test_a_release_waits_for_the_gates_and_signs_what_it_publishes() -> None:
    jobs = loaded(ROOT / ".github/workflows/release.yaml")["jobs"]
    assert set(jobs["images"]["needs"]) == {"check", "scan"}
    assert jobs["publish"]["needs"] == "images"
    assert {"run": "make audit"} in jobs["check"]["steps"]
    assert {"run": "make security"} in jobs["check"]["steps"]
