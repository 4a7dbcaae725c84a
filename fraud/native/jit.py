"""How code of the hot path is compiled: numba, without the interpreter's lock, cached on disk.

Compiled code allocates nothing: its caller passes the arrays. So numba need not count references to them
(`_nrt=False`). Where a function took a tuple of arrays it counted each, with atomic instructions, and that
alone was a third of the feature kernel's time; calls between the functions were another.
"""

from collections.abc import Callable, Iterable
from functools import cache
from hashlib import blake2b
from inspect import getfile
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

import numba

# `_nrt` is not a documented option of numba, and no documented one does the same; pyproject.toml pins numba.


def compiled(function: Callable[..., Any]) -> Any:
    """Compile a function that Python calls; all that it calls must be in its own folder or in this one."""
    # numba caches compiled code by the function's name and checks only the function's own file for changes;
    # but a part of the code comes from other files.
    function.__qualname__ += f"_{_sources_of(Path(getfile(function)).parent)}"
    return numba.njit(cache=True, nogil=True, _nrt=False)(function)


def inlined(function: Callable[..., Any]) -> Any:
    """Compile a function that compiled code of the same folder calls, as a part of each caller."""
    return numba.njit(nogil=True, _nrt=False, forceinline=True)(function)


def compile_functions(module: ModuleType, functions: Iterable[Any]) -> dict[str, Any]:
    """Plain Python functions of a module of the same folder, compiled as parts of their callers.

    Args:
        module: its functions stay plain Python for other callers.
        functions: those that compiled code needs, callees first.

    Returns:
        The names of the module, with the compiled functions in the place of the plain ones.
    """
    names = dict(vars(module))
    for function in functions:
        names[function.__name__] = inlined(FunctionType(function.__code__, names, function.__name__))
    return names


@cache
def _sources_of(folder: Path) -> str:
    """A digest of all files of a folder and of this one: any may be compiled into a function of another."""
    folders = dict.fromkeys((Path(__file__).parent, folder))
    sources = [path.read_bytes() for one in folders for path in sorted(one.glob("*.py"))]
    return blake2b(b"".join(sources), digest_size=8).hexdigest()
