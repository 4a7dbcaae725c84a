"""How code of the hot path is compiled: numba, without the interpreter's lock, kept on disk.

What is compiled allocates nothing: whoever calls it brings the arrays. So numba need not count references to
them. Where a function took a tuple of arrays it counted each, with atomic instructions, and that alone was a
third of the feature kernel's time; what stood between the functions was another.
"""

from collections.abc import Callable
from functools import cache
from hashlib import blake2b
from inspect import getfile
from pathlib import Path
from typing import Any

import numba

# `_nrt` is not a documented option of numba, and no documented one does the same; pyproject.toml pins numba.


def compiled(function: Callable[..., Any]) -> Any:
    """Compile what Python calls."""
    # numba keeps what it compiled under the function's name and looks whether the function's own file has
    # changed; but a part of the code comes from other files.
    function.__qualname__ += f"_{_sources_of(Path(getfile(function)).parent)}"
    return numba.njit(cache=True, nogil=True, _nrt=False)(function)


def inlined(function: Callable[..., Any]) -> Any:
    """Compile what compiled code of the same folder calls, as a part of each caller."""
    return numba.njit(nogil=True, _nrt=False, forceinline=True)(function)


@cache
def _sources_of(folder: Path) -> str:
    """A digest of all that may be compiled together in a folder."""
    sources = (path.read_bytes() for path in sorted(folder.glob("*.py")))
    together = [source for source in sources if __name__.encode() in source]
    return blake2b(b"".join([Path(__file__).read_bytes(), *together]), digest_size=8).hexdigest()
