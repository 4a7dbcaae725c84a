"""Profiles of devices and merchants in the engine, on a real broker."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from fraud.kafka.topics import create_topics
from fraud.schema import Prediction
from fraud.settings import Settings, load_settings
from tests.definitions import PROFILED, PROFILED_FILE
from tests.faults.harness.load import further_fields
from tests.serving.made_up_profiles import (
    EVERY_MS,
    FIRST_MOMENT,
    publish_run,
    publishing_runs,
)
from tests.serving.offline import mismatches
from tests.serving.world import (
    Running,
    disorderly,
    predictions,
    register,
    running,
    send,
    tiny_bundle,
    wait_for,
    wait_for_predictions,
)

pytestmark = pytest.mark.broker


@pytest.fixture
def profiled(serving_settings: Settings) -> Settings:
    """The serving settings with definitions that have profiles, its topics, and a champion."""
    made = load_settings(**serving_settings.model_dump() | {"definitions": PROFILED_FILE})
    create_topics(made)
    register(made, tiny_bundle(made, threshold=0.3))
    return made


def payments(count: int, start: int = 0) -> list[dict[str, Any]]:
    """With devices."""
    return [one | further_fields(one["transaction_id"]) for one in disorderly(count, start)]


def ids(events: list[dict[str, Any]]) -> set[str]:
    return {one["transaction_id"] for one in events}


def moments(found: list[Prediction]) -> Counter[int | None]:
    """How many predictions have profiles of each moment, counted from `FIRST_MOMENT` in periods."""
    return Counter(
        None if one.profile_moment is None else one.profile_moment // EVERY_MS - FIRST_MOMENT for one in found
    )


def is_at(engine: Running, moment: int) -> Callable[[], bool]:
    """Whether the engine has the profiles of a moment, or of a later one."""

    def reached() -> bool:
        served = engine.engine._profiles.of_fields
        return served is not None and served.moment >= FIRST_MOMENT + moment

    return reached


def test_served_features_equal_those_of_the_recorded_moment(profiled: Settings) -> None:
    # given payments before there are profiles, and runs that are published while others are scored
    events = payments(600)
    with running(profiled) as engine:
        send(profiled, events[:50])
        wait_for_predictions(profiled, len(ids(events[:50])))
        assert "without profiles" in engine.engine.status().text
        # when payments come meanwhile
        with publishing_runs(profiled, pause_s=0.1):
            wait_for(is_at(engine, 0))
            assert "without profiles" not in engine.engine.status().text
            for start in range(50, 600, 50):
                send(profiled, events[start : start + 50])
                wait_for_predictions(profiled, len(ids(events[: start + 50])))
        found = predictions(profiled)
    # then every feature is the one of the moment that its prediction names
    assert mismatches(profiled, found) == []
    assert moments(found)[None] == len(ids(events[:50]))
    assert len(moments(found)) > 3
    # and reviewed payments carry their profiles
    names = {one.name for one in PROFILED.profile_features}
    assert {one.profiles is not None for one in found if one.decision == "review"} == {True}
    assert {one.profiles is not None for one in found if one.decision == "approve"} == {False}
    assert all(one.profiles.keys() == names for one in found if one.profiles)


def test_a_start_between_two_runs_uses_the_complete_one(profiled: Settings) -> None:
    # given a complete run, and one that was cut off
    publish_run(profiled, FIRST_MOMENT, None)
    publish_run(profiled, FIRST_MOMENT + 1, FIRST_MOMENT, is_cut_off=True)
    events = payments(200)
    # when an engine starts
    with running(profiled) as engine:
        wait_for(is_at(engine, 0))
        send(profiled, events[:100])
        wait_for_predictions(profiled, len(ids(events[:100])))
        # and the next run is complete
        publish_run(profiled, FIRST_MOMENT + 2, None)
        wait_for(is_at(engine, 2))
        send(profiled, events[100:])
        wait_for_predictions(profiled, len(ids(events)))
    # then nothing of the one that was cut off has been used
    found = predictions(profiled)
    assert mismatches(profiled, found) == []
    assert moments(found).keys() == {0, 2}
