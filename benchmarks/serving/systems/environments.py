"""Environments of the compared systems, created by uv in the user's cache.

Their packages conflict with those of this project.
"""

import shutil
import subprocess
import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

from benchmarks.serving.harness.testbed import print_progress
from fraud.machine.cache import cache_folder


def python_with(packages: Sequence[str]) -> Path:
    """The interpreter of an environment with these packages; created at first use.

    Raises:
        subprocess.CalledProcessError: the packages cannot be installed.
    """
    wanted = [*packages, *(f"{name}=={version(name)}" for name in ("numpy", "xgboost", "numba", "msgspec"))]
    folder = cache_folder("benchmark-environment", "\n".join([sys.version, *wanted]).encode())
    python = folder / "bin" / "python"
    if not python.exists():
        print_progress(f"making an environment with {', '.join(packages)}")
        uv: str = shutil.which("uv", path=str(Path(sys.executable).parent)) or "uv"
        try:
            subprocess.run([uv, "venv", "--quiet", "--python", sys.executable, folder], check=True)
            override = folder / "override.txt"
            # It serves training on several GPUs only, and has 300 MB.
            override.write_text("nvidia-nccl-cu12; sys_platform == 'never'\n")
            install = [uv, "pip", "install", "--quiet", "--python", str(python), "--override", str(override)]
            subprocess.run([*install, *wanted], check=True)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
    return python


def versions(python: Path, names: Sequence[str]) -> dict[str, str]:
    """The installed versions of the packages `names`."""
    code = f"from importlib.metadata import version as v\nfor n in {list(names)!r}: print(n, v(n))"
    output = subprocess.run([python, "-c", code], check=True, capture_output=True, text=True).stdout
    return dict(line.split() for line in output.splitlines())
