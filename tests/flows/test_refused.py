"""A flow that Kafka does not let in, or that finds no Prefect server, says so in a sentence, at once."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from fraud.errors import RefusedError, UnreachableError
from tests.security.locked import LockedKafka

SECRET = "not-the-password"
FLOW = Path(__file__).parents[2] / "flows" / "monitor.py"


@pytest.mark.broker
@pytest.mark.usefixtures("prefect_server")
def test_wrong_credentials_are_one_sentence_and_not_tried_again(
    locked: LockedKafka, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    from flows.entry import run_command_line
    from flows.ingest import ingest
    from flows.serve import serve

    for name, value in locked.settings_of("clerk", SECRET).items():
        monkeypatch.setenv(f"FRAUD_KAFKA__{name.upper()}", str(value))
    # One test for both: Prefect writes its log to the standard error of the first.
    flows: list[Any] = [ingest, serve]
    for flow in flows:
        # given a flow with wrong credentials
        monkeypatch.setattr("sys.argv", [f"flows/{flow.name}.py"])
        # when it is run as a program
        with pytest.raises(SystemExit) as exited:
            run_command_line(flow)
        # then it ends at once, with one sentence of ours
        output = capfd.readouterr()
        (sentence,) = [line for line in output.err.splitlines() if line.startswith("error: ")]
        assert exited.value.code == RefusedError.exit_code
        assert "refuses the credentials of user 'clerk': set FRAUD_KAFKA__SASL_USERNAME" in sentence
        assert "Traceback" not in output.err + output.out
        assert "retr" not in output.err.lower()
        assert SECRET not in output.err + output.out


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/api", "nowhere"])
def test_a_prefect_server_that_is_away_is_one_sentence(url: str, tmp_path: Path) -> None:
    # when a flow is run as a program that nothing answers
    ended = subprocess.run(
        [sys.executable, FLOW],
        env={**os.environ, "PREFECT_API_URL": url, "FRAUD_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    # then
    assert ended.returncode == UnreachableError.exit_code
    (sentence,) = ended.stderr.strip().splitlines()
    assert sentence.startswith(f"error: the Prefect server at {url} does not answer; set PREFECT_API_URL")
