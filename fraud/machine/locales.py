"""The locale of the processes that we start."""

import os
import sys
from collections.abc import Mapping

_NAMES = ("LC_ALL", "LC_CTYPE", "LANG")  # the first that is set counts


def utf8_environment(environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The variables under which a process takes file names as UTF-8; empty where it does so already.

    Java decodes the paths that it is given by the locale, and under `LC_ALL=C` or a locale of another
    encoding it cannot open a file whose name has an umlaut. On macOS it always takes UTF-8.
    """
    locale = next((environment[name] for name in _NAMES if environment.get(name)), "C")
    if sys.platform == "darwin" or locale.lower().replace("-", "").endswith("utf8"):
        return {}
    return {"LC_ALL": "C.UTF-8"}
