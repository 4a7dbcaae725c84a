"""What-ifs through the API: one at a time, in the background, attached to what is proposed."""

import threading
from typing import Any

import pytest

from serving.dashboard.api import what_ifs
from tests.fraud.decisions.whatif.results import a_result
from tests.serving.dashboard.decisions.policies import ACME, STRICTER, propose, wait_until_read
from tests.serving.dashboard.support import Browser, DashboardServer, wait_for


@pytest.fixture
def computed(monkeypatch: pytest.MonkeyPatch) -> None:
    """What-ifs whose result is there at once."""
    monkeypatch.setattr(what_ifs, "try_policy", lambda *_: a_result())


def start(browser: Browser, text: str = ACME) -> dict[str, Any]:
    answer = browser.post("what-if", {"text": text, "days": 7})
    assert answer.status_code == 202, answer.text
    run: dict[str, Any] = answer.json()
    return run


def ended(browser: Browser, key: str) -> dict[str, Any]:
    def find() -> dict[str, Any] | None:
        run: dict[str, Any] = browser.get(f"what-if/{key}").json()["run"]
        return run if run["ended_at"] is not None else None

    run: dict[str, Any] = wait_for(find)
    return run


@pytest.mark.usefixtures("computed")
def test_a_what_if_goes_with_the_proposal_of_its_text(dashboard: DashboardServer) -> None:
    # given a what-if of a text
    wait_until_read(dashboard)
    anna = dashboard.browser("anna")
    run = ended(anna, start(anna)["key"])
    assert (run["by"], run["days"], run["problem"]) == ("anna", 7, None)
    assert "model alone" in {one["name"] for one in run["result"]["policies"]}
    # when the text is proposed
    version = propose(anna)
    # then who approves has it, here and anywhere else
    wait_for(lambda: dashboard.context.decisions.state.policies.version(version).what_if)
    assert anna.get("policies").json()["versions"][0]["has_what_if"]
    assert anna.get(f"policies/{version}").json()["key"] == run["key"]


@pytest.mark.usefixtures("computed")
def test_a_what_if_of_a_version_that_waits_is_attached_to_it(
    dashboard: DashboardServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    wait_until_read(dashboard)
    version = propose(dashboard.browser("anna"))
    adam = dashboard.shared
    run = ended(adam, start(adam)["key"])
    found = wait_for(lambda: dashboard.context.decisions.state.policies.version(version).what_if)
    assert run["result"]["policy"] in found
    # and is shown by a dashboard that did not run it
    monkeypatch.setattr(dashboard.context.what_ifs, "find", lambda _: None)
    assert adam.get(f"what-if/{run['key']}").json()["run"]["result"] == run["result"]


def test_one_runs_at_a_time(dashboard: DashboardServer, monkeypatch: pytest.MonkeyPatch) -> None:
    # given a what-if that takes its time
    wait_until_read(dashboard)
    go_on = threading.Event()
    monkeypatch.setattr(what_ifs, "try_policy", lambda *_: go_on.wait(20) and a_result())
    anna = dashboard.browser("anna")
    key = start(anna)["key"]
    # then another one has to wait, and this one is shown as running
    answer = anna.post("what-if", {"text": STRICTER})
    assert (answer.status_code, "wait" in answer.text) == (409, True)
    assert anna.get(f"what-if/{key}").json()["run"]["ended_at"] is None
    # until it is done
    go_on.set()
    ended(anna, key)
    start(anna, STRICTER)


def test_without_predictions_the_problem_is_said(dashboard: DashboardServer) -> None:
    wait_until_read(dashboard)
    anna = dashboard.browser("anna")
    run = ended(anna, start(anna)["key"])
    assert run["result"] is None
    assert "prediction" in run["problem"]


def test_a_text_with_mistakes_is_not_tried(dashboard: DashboardServer) -> None:
    wait_until_read(dashboard)
    answer = dashboard.browser("anna").post("what-if", {"text": ACME.replace("amount >", "amout >")})
    assert answer.status_code == 409
