"""What the tests of the stack and the command line share."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from deployments.cli import main


@dataclass(frozen=True)
class Result:
    """What a command left behind."""

    code: int | str | None
    out: str
    err: str


FraudCommand = Callable[..., Result]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The home that commands of this test use."""
    folder = tmp_path / "home"
    monkeypatch.setenv("FRAUD_HOME", str(folder))
    return folder


@pytest.fixture
def fraud(home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> FraudCommand:
    """Runs `fraud` with the given arguments."""

    def run(*arguments: str) -> Result:
        monkeypatch.setattr("sys.argv", ["fraud", *arguments])
        with pytest.raises(SystemExit) as exited:
            main()
        captured = capsys.readouterr()
        return Result(exited.value.code, captured.out, captured.err)

    return run
