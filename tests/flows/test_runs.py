from pathlib import Path
from typing import Any

import httpx
import pytest
from prefect import Flow, flow
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import FlowRun
from pydantic import BaseModel

from flows.backtest import backtest
from flows.ingest import ingest
from flows.monitor import monitor
from flows.preprocess import preprocess
from flows.retrain import retrain
from flows.runs import completed, keep_result, run_name
from flows.train import train


class Window(BaseModel):
    """Parameters in a model."""

    days: int = 30
    folder: Path | None = None


def newest_run(name: str) -> FlowRun:
    with get_client(sync_client=True) as client:
        found = [run for run in client.read_flow_runs() if run.name.startswith(f"{name} ")]
    return max(found, key=lambda run: run.name)


@pytest.mark.usefixtures("prefect_server")
def test_a_run_is_named_by_what_it_does_and_when_and_ends_with_its_result() -> None:
    # given a parent flow with parameters, and a child that has a result
    @flow(name="child", flow_run_name=run_name)
    def child(window: Window) -> int:
        return completed(window.days, "7 days evaluated")

    @flow(name="parent", flow_run_name=run_name)
    def parent(trials: int | None = None, days: int | None = None, alarm: bool = False) -> int:
        return completed(child(Window(days=7)) + 1, "promoted")

    # when the parent runs
    assert parent(trials=5, alarm=True) == 8
    # then both runs say what, when and with which parameters, and the child's result is the parent's input
    outer, inner = newest_run("parent"), newest_run("child")
    assert outer.expected_start_time is not None
    moment = f"{outer.expected_start_time:%Y-%m-%d %H:%M} UTC"
    assert outer.name == f"parent {moment}, trials=5, alarm"
    assert inner.name.endswith("UTC, days=7")
    # and their pages show the results
    assert outer.state is not None
    assert inner.state is not None
    assert (outer.state.name, outer.state.message) == ("Completed", "promoted")
    assert inner.state.message == "7 days evaluated"


@pytest.mark.usefixtures("prefect_server")
def test_the_caller_gets_the_result_when_an_answer_of_the_server_was_lost(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # given a connection that loses the first answer to a completed run, so that the client sends it again
    send = httpx.Client.send

    def send_twice(client: httpx.Client, request: httpx.Request, **options: Any) -> httpx.Response:
        if request.url.path.endswith("/set_state") and b'"COMPLETED"' in request.content:
            send(client, request, **options)
        return send(client, request, **options)

    monkeypatch.setattr(httpx.Client, "send", send_twice)

    @flow(name="child", on_completion=[keep_result])
    def child() -> list[int]:
        return completed([7], "seven")

    @flow(name="parent", on_completion=[keep_result])
    def parent() -> int:
        return completed(sum(child()) + 1, "eight")

    # when it runs, then the results arrive
    assert parent() == 8


@pytest.mark.parametrize("one", [backtest, ingest, monitor, preprocess, retrain, train])
def test_flows_with_a_result_keep_it(one: Flow[..., Any]) -> None:
    assert keep_result in one.on_completion_hooks
