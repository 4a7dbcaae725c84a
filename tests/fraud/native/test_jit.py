"""Compiled code allocates nothing, and is compiled again when any part of it has changed."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from numba.core.errors import NumbaError

from fraud.native.jit import compiled, inlined

OUTER = """
from fraud.native.jit import compiled
from inner import number

@compiled
def twice():
    return 2 * number()
"""
INNER = """
from fraud.native.jit import inlined

@inlined
def number():
    return {}
"""
CALL = "from outer import twice; print(twice(), sum(twice.stats.cache_hits.values()))"


@compiled
def _copies(values):  # type: ignore[no-untyped-def]
    return values.copy()[0]


@inlined
def _second_of_copy(values):  # type: ignore[no-untyped-def]
    return values.copy()[1]


@compiled
def _calls_what_copies(values):  # type: ignore[no-untyped-def]
    return _second_of_copy(values)


@pytest.mark.parametrize("function", [_copies, _calls_what_copies])
def test_what_allocates_is_refused(function: object) -> None:
    with pytest.raises(NumbaError, match="NRT required"):
        function(np.ones(3))  # type: ignore[operator]


def test_cached_code_is_compiled_again_when_another_file_has_changed(tmp_path: Path) -> None:
    # given
    (tmp_path / "outer.py").write_text(OUTER)
    (tmp_path / "inner.py").write_text(INNER.format(3))
    assert _call(tmp_path) == ["6", "0"]
    assert _call(tmp_path) == ["6", "1"]

    # when
    (tmp_path / "inner.py").write_text(INNER.format(40))

    # then
    assert _call(tmp_path) == ["80", "0"]


def _call(folder: Path) -> list[str]:
    command = [sys.executable, "-B", "-c", f"import sys; sys.path.insert(0, {str(folder)!r}); {CALL}"]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout.split()
