"""Import XGBoost without scikit-learn, for a faster start of a worker."""

import sys
from importlib import import_module
from typing import Any, cast


def import_xgboost() -> None:
    """Import XGBoost as it is where scikit-learn is not installed.

    Its wrapper for scikit-learn, which serving never uses, imports scikit-learn, SciPy and pandas: 4 of the 6
    seconds of processor time that a worker needed before it could start to restore its state.
    """
    if "xgboost" in sys.modules or "sklearn" in sys.modules:
        return
    modules = cast("dict[str, Any]", sys.modules)
    modules["sklearn"] = None  # Python's import then raises ModuleNotFoundError
    try:
        import_module("xgboost")
    finally:
        del modules["sklearn"]
