"""What others wrote is shown without its effects on a terminal, and is whole in a file or a pipe."""

import sys
from pathlib import Path

import pytest

from deployments.cli.decisions.options import for_output
from deployments.cli.decisions.policy import text_of
from fraud.decisions.log.state import PolicyState
from fraud.errors import PolicyError
from fraud.settings import Settings

HIDING = "rules: a\n\x1b[1A\x1b[2Krules: b\n# \u202eevil\n"


@pytest.mark.parametrize(
    ("is_terminal", "expected"),
    [(False, HIDING), (True, "rules: a\n\\x1b[1A\\x1b[2Krules: b\n\u2068# \u202eevil\u2069\n")],
)
def test_a_text_does_not_command_the_terminal(
    monkeypatch: pytest.MonkeyPatch, is_terminal: bool, expected: str
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: is_terminal, raising=False)
    assert for_output(HIDING) == expected


def test_a_file_of_another_encoding_is_said(local_settings: Settings, tmp_path: Path) -> None:
    file = tmp_path / "policy.yaml"
    file.write_bytes(b"version: 1\nname: \xff\n")
    with pytest.raises(PolicyError, match=r"policy\.yaml:2: the file is not UTF-8"):
        text_of(local_settings, PolicyState(), str(file))
