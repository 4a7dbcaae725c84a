"""How code of the hot path is compiled: numba, without the interpreter's lock, kept on disk.

What is compiled allocates nothing: whoever calls it brings the arrays. So numba need not count references to
them. Where a function took a tuple of arrays it counted each, with atomic instructions, and that alone was a
third of the feature kernel's time; what stood between the functions was another.
"""

from collections.abc import Callable
from typing import Any

import numba


def compiled(function: Callable[..., Any]) -> Any:
    """Compile what Python calls."""
    return numba.njit(cache=True, nogil=True, _nrt=False)(function)


def inlined(function: Callable[..., Any]) -> Any:
    """Compile what compiled code calls, as a part of each caller."""
    return numba.njit(cache=True, nogil=True, _nrt=False, forceinline=True)(function)
