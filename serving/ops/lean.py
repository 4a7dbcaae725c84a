"""A leaner start of a worker."""

import sys
from importlib import import_module
from typing import Any, cast


def import_xgboost() -> None:
    """Import XGBoost as it is where there is no scikit-learn.

    Its wrapper for scikit-learn, which serving never uses, brings scikit-learn, SciPy and pandas along:
    4 of the 6 seconds of processor time that a worker needed before it could begin to restore its state.
    """
    if "xgboost" in sys.modules or "sklearn" in sys.modules:
        return
    modules = cast("dict[str, Any]", sys.modules)
    modules["sklearn"] = None  # by which Python's import says that there is none
    try:
        import_module("xgboost")
    finally:
        del modules["sklearn"]
