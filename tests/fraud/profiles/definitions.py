"""Definitions with profiles of a device and of a category, for tests over whole streams."""

from pathlib import Path
from typing import Any

from fraud.definitions.loading import parse_definitions
from tests.fraud.definitions.files import CORE

TEXT = (
    CORE
    + """\
profiles: {every: 15m}
features:
  - {name: payments_1h, aggregate: count, window: 1h}
  - {name: device_payments_1d, profile: device_id, value: count, window: 1d}
  - {name: device_frauds_7d, profile: device_id, value: frauds, window: 7d}
  - {name: device_std_7d, profile: device_id, value: amount_std, window: 7d}
  - {name: device_age_7d, profile: device_id, value: age, window: 7d}
  - {name: mode_rate_1d, profile: entry_mode, value: fraud_rate, window: 1d}
  - {name: mode_ratio_7d, profile: entry_mode, value: amount_ratio, window: 7d}
"""
)
PROFILED = parse_definitions(TEXT, "profiled.yaml")


def write_definitions(folder: Path) -> Path:
    """The file of `PROFILED`."""
    path = folder / "profiled.yaml"
    path.write_text(TEXT)
    return path


def with_profiled_fields(wire: dict[str, Any]) -> dict[str, Any]:
    """A transaction of `tests.fraud.streams`, with a device and an entry mode; a tenth has none."""
    number = int(wire["transaction_id"][1:])
    added = {"device_id": f"device-{number % 13}", "entry_mode": ("chip", "keyed")[number % 2]}
    kept = {name: value for name, value in wire.items() if name not in ("merchant_category", "country")}
    return kept | (added if number % 10 else {})
