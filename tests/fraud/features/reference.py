"""The features once more, naively, from their definition: for reading and for holding the kernel to it."""

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from fraud.features import spec
from fraud.features.events import Events, to_records
from fraud.features.spec import CARD_WINDOWS, DAY_MS, HOUR_MS, KERNEL_FEATURES, LONGEST_WINDOW_MS
from fraud.native.id_index import ACCEPTED, CONFLICT, REPEATED

NAN = math.nan


def reference_features(batch: Events) -> tuple[npt.NDArray[np.float32], list[int]]:
    """Features and outcomes of a stream, each computed from everything that came before."""
    events = to_records(batch)
    history: dict[int, list[np.void]] = {}
    rows, outcomes = [], list[int]()
    for number, event in enumerate(events):
        past = history.setdefault(int(event["card"]), [])
        outcomes.append(_outcome(events[:number], outcomes, event))
        if outcomes[-1] != ACCEPTED:
            rows.append([NAN] * len(KERNEL_FEATURES))
            continue
        row = _one(past, event)
        rows.append([row[f.name] for f in KERNEL_FEATURES])
        past.append(event)
    return np.array(rows, dtype=np.float32).reshape(-1, len(KERNEL_FEATURES)), outcomes


def _outcome(before: npt.NDArray[np.void], outcomes: list[int], event: np.void) -> int:
    """An id is taken until 30 days (UTC) have passed since the newest that bore it."""
    same = [number for number, one in enumerate(before) if one["transaction"] == event["transaction"]]
    if not same:
        return ACCEPTED
    first = max(number for number in same if outcomes[number] == ACCEPTED)
    newest = max(int(before[number]["timestamp"]) // DAY_MS for number in same if number >= first)
    if newest <= int(event["timestamp"]) // DAY_MS - 30:
        return ACCEPTED
    return REPEATED if before[first]["content"] == event["content"] else CONFLICT


def _one(past: list[np.void], event: np.void) -> dict[str, float]:
    now = int(event["timestamp"])
    watermark = max([now, *(int(one["timestamp"]) for one in past)])
    before = [one for one in past if one["timestamp"] > watermark - LONGEST_WINDOW_MS]
    remembered = [*before, event] if now > watermark - LONGEST_WINDOW_MS else before
    return (
        _of_transaction(event)
        | _windows(remembered, watermark)
        | _against_habit(before, event)
        | _recent(remembered, watermark)
        | _novelty(before, event)
    )


def _of_transaction(event: np.void) -> dict[str, float]:
    time = int(event["timestamp"])
    hour, weekday = time // HOUR_MS % 24, (time // DAY_MS + 3) % 7
    return {
        "amount": float(event["amount"]),
        "hour": hour,
        "weekday": weekday,
        "is_night": hour < 6,
        "is_weekend": weekday >= 5,
        "category_code": float(event["category"]) or NAN,
        "channel_code": float(event["channel"]) or NAN,
    }


def _windows(remembered: Sequence[np.void], watermark: int) -> dict[str, float]:
    values: dict[str, float] = {}
    for name, length in CARD_WINDOWS.items():
        amounts = [int(one["amount"]) for one in remembered if one["timestamp"] > watermark - length]
        values[f"card_count_{name}"] = len(amounts)
        values[f"card_sum_{name}"] = sum(amounts)
        values[f"card_mean_{name}"] = sum(amounts) / len(amounts) if amounts else NAN
        values[f"card_max_{name}"] = max(amounts) if amounts else NAN
    return values


def _against_habit(before: Sequence[np.void], event: np.void) -> dict[str, float]:
    amounts = [int(one["amount"]) for one in before]
    mean = sum(amounts) / len(amounts) if amounts else 0.0
    squares = sum(amount * amount for amount in amounts) / len(amounts) if amounts else 0.0
    variance = squares - mean * mean
    amount = int(event["amount"])
    return {
        "amount_ratio_30d": amount / mean if mean > 0 else NAN,
        "amount_zscore_30d": (amount - mean) / math.sqrt(variance) if variance > squares * 1e-12 else NAN,
    }


def _recent(remembered: Sequence[np.void], watermark: int) -> dict[str, float]:
    by_time = sorted(remembered, key=lambda one: int(one["timestamp"]))
    mean = sum(int(one["amount"]) for one in by_time) / len(by_time) if by_time else 0.0
    hour = [one for one in by_time if one["timestamp"] > watermark - HOUR_MS]
    day = [one for one in by_time if one["timestamp"] > watermark - DAY_MS]
    countries = {int(one["country"]) for one in day} - {0}
    return {
        "high_recent": sum(one["amount"] > spec.HIGH_RATIO * mean for one in by_time[-spec.RECENT_EVENTS :]),
        "small_count_1h": sum(one["amount"] <= spec.SMALL_AMOUNT for one in hour),
        "small_count_24h": sum(one["amount"] <= spec.SMALL_AMOUNT for one in day),
        "merchants_24h": len({int(one["merchant"]) for one in day}),
        "countries_24h": len(countries) or NAN,
    }


def _novelty(before: Sequence[np.void], event: np.void) -> dict[str, float]:
    time = int(event["timestamp"])
    earlier = [int(one["timestamp"]) for one in before if one["timestamp"] <= time]
    values = {
        "seconds_since_last": (time - max(earlier)) / 1000 if earlier else NAN,
        "speed_kmh": _speed(before, event),
    }
    for feature, field in (("merchant", "merchant"), ("category", "category"), ("country", "country")):
        known = bool(before) and (field == "merchant" or event[field] != 0)
        values[f"{feature}_is_new"] = all(one[field] != event[field] for one in before) if known else NAN
    return values


def _speed(before: Sequence[np.void], event: np.void) -> float:
    located = [one for one in before if not np.isnan(one["latitude"])]
    if not located or np.isnan(event["latitude"]):
        return NAN
    last = max(reversed(located), key=lambda one: int(one["timestamp"]))
    hours = max(abs(int(event["timestamp"]) - int(last["timestamp"])), 60_000) / HOUR_MS
    return _kilometres(last, event) / hours


def _kilometres(one: np.void, other: np.void) -> float:
    """Great-circle distance by the haversine formula."""
    from_latitude, to_latitude = math.radians(one["latitude"]), math.radians(other["latitude"])
    half_longitude = math.radians(float(other["longitude"]) - float(one["longitude"])) / 2
    chord = (
        math.sin((to_latitude - from_latitude) / 2) ** 2
        + math.cos(from_latitude) * math.cos(to_latitude) * math.sin(half_longitude) ** 2
    )
    return 2 * 6371.0088 * math.asin(min(1.0, math.sqrt(chord)))
