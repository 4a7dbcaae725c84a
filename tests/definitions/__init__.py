"""Definitions for tests: the shipped ones, these with three fields and six features more, and profiles."""

from pathlib import Path
from typing import Any

from fraud.definitions.loading import load_definitions
from fraud.messages.transaction import transaction_type

V1 = load_definitions()
V1Transaction: Any = transaction_type(V1)

EXTENDED_FILE = Path(__file__).with_name("extended.yaml")
"""For FRAUD_DEFINITIONS; adds `device_id` (at `device.fingerprint`), `ip_country` and `entry_mode`."""

EXTENDED = load_definitions(EXTENDED_FILE)

EXTENDED_ONLY = (
    "entry_mode_code",
    "devices_30d",
    "device_is_new",
    "ip_countries_24h",
    "device_sum_7d",
    "keyed_count_24h",
)
"""The features that are not in `V1`."""

PROFILED_FILE = Path(__file__).with_name("profiled.yaml")
"""For FRAUD_DEFINITIONS; few features, among them those of profiles of devices and merchants."""

PROFILED = load_definitions(PROFILED_FILE)
