"""A flow's spans at a receiver of OTLP: the flow, its tasks below it, and no text of what went wrong."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from prefect.settings import PREFECT_API_URL

from tests.collector import attributes, collecting

FLOW = """
from prefect import flow, task
from fraud.settings import load_settings
from fraud.telemetry import flow_span

@task
def look(card: str) -> None: ...

@task
def fail(card: str) -> None:
    raise ValueError("card-of-a-person is broken")

@flow
def trial() -> None:
    with flow_span(load_settings(), "trial"):
        look("card-of-a-person")
        fail("card-of-a-person")

trial()
"""


@pytest.mark.timeout(240)
def test_a_flow_s_tasks_are_below_it(prefect_server: None, tmp_path: Path) -> None:
    # given a collector, which one variable names
    program = tmp_path / "trial.py"
    program.write_text(FLOW)
    with collecting() as collector:
        environment = os.environ | {
            "FRAUD_TRACING__ENDPOINT": collector.endpoint,
            "PREFECT_API_URL": PREFECT_API_URL.value(),
            "PYTHONPATH": str(Path(__file__).parents[2]),
        }
        # when a flow runs and fails
        done = subprocess.run(
            [sys.executable, str(program)], env=environment, capture_output=True, text=True, timeout=200
        )
        assert "ValueError: card-of-a-person is broken" in done.stderr
        # then it is a trace with its tasks
        (flow,) = collector.named("trial")
        tasks = collector.children(flow)
        assert [span.name.rsplit("-", 1)[0] for span in tasks] == ["look", "fail"]
        assert [attributes(span)["prefect.run.type"] for span in tasks] == ["task", "task"]
        # that says who failed, and not with which words
        assert [span.status.code for span in (*tasks, flow)] == [1, 2, 2]
        assert b"card-of-a-person" not in b"".join(collector.requests)
        assert collector.services == {"fraud-flows"}
