"""Files of environment variables: a line that reads as it was written, and which variable cannot be read."""

import os
from collections.abc import Iterable
from itertools import chain
from pathlib import Path

from dotenv import dotenv_values


def env_line(name: str, value: str) -> str:
    """A line of the file; the reader gives exactly this value back.

    It is in quotes, as a space and a number sign begin a comment. `${` would begin a variable's name; without
    a name, the default is used, here `$`.
    """
    quoted = value.replace("\\", "\\\\").replace("'", "\\'").replace("${", "${:-$}{")
    return f"{name}='{quoted}'\n"


def variable_with(value: str, prefix: str, files: Iterable[Path]) -> str | None:
    """The name of the variable of the environment, or of the files, that has this value.

    Args:
        value: text of the variable.
        prefix: which its name begins with, in any case.
        files: that are read after the environment; they may be missing.
    """
    read = (dotenv_values(file).items() for file in files if file.is_file())
    for name, text in chain(os.environ.items(), *read):
        if text == value and name.upper().startswith(prefix):
            return name.upper()
    return None
