"""A session in which nothing may be skipped fails for each reason but the machine's."""

from pathlib import Path

import pytest

pytest_plugins = ["pytester"]

FILE = """
import pytest

@pytest.mark.skipif(True, reason="{reason}")
def test_skipped() -> None:
    raise AssertionError

def test_run() -> None:
    pass
"""
CONFTEST = """
from tests.running.skips import StrictSkips

def pytest_configure(config):
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(StrictSkips())
"""


@pytest.mark.parametrize("options", [(), ("-n", "1")])
@pytest.mark.parametrize(
    ("reason", "code"),
    [
        ("helm is not installed", pytest.ExitCode.TESTS_FAILED),
        ("this machine has no GPU", pytest.ExitCode.OK),
    ],
)
def test_only_what_a_machine_lacks_may_be_skipped(
    pytester: pytest.Pytester,
    monkeypatch: pytest.MonkeyPatch,
    options: tuple[str, ...],
    reason: str,
    code: int,
) -> None:
    # given a test that is skipped, and one that passes
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
    pytester.makeconftest(CONFTEST)
    pytester.makepyfile(test_file=FILE.format(reason=reason))
    # when
    done = pytester.runpytest_subprocess("-p", "no:schemathesis", *options)
    # then
    assert done.ret == code
    assert ("must not be skipped" in done.stdout.str()) == bool(code)
