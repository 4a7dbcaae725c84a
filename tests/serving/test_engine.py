"""The engine on a real broker with a real registry."""

import json
import threading
import urllib.error
import urllib.request

import pytest

from fraud.errors import UnreachableError
from fraud.settings import Settings
from serving.run import run
from tests.conftest import SettingsFactory
from tests.fraud.signing.signed import force_alias
from tests.serving.offline import mismatches
from tests.serving.world import (
    BASE_MS,
    disorderly,
    predictions,
    publish_profiles,
    read_all,
    register,
    running,
    send,
    tiny_bundle,
    transaction,
    wait_for,
    wait_for_predictions,
)

pytestmark = pytest.mark.broker


def test_every_transaction_is_answered_once(serving_settings: Settings, champion: str) -> None:
    # given
    send(serving_settings, [transaction(number) for number in range(500)])

    # when
    with running(serving_settings):
        found = wait_for_predictions(serving_settings, 500)

    # then
    assert sorted(one.transaction_id for one in found) == sorted(f"t{number}" for number in range(500))
    assert {one.model_version for one in found} == {champion}


def test_what_was_served_equals_the_offline_recomputation(serving_settings: Settings, champion: str) -> None:
    # given late, out-of-order and repeated events, and two generations of profiles
    publish_profiles(serving_settings, "2025-10-09", [f"merchant-{number}" for number in range(9)])
    first, second = disorderly(400), disorderly(400, start=400)
    send(serving_settings, first)
    unique = {one["transaction_id"] for one in first}

    # when
    with running(serving_settings):
        wait_for_predictions(serving_settings, len(unique))
        publish_profiles(serving_settings, "2025-10-10", ["merchant-1", "merchant-2"], seed=1)
        send(serving_settings, second)
        unique |= {one["transaction_id"] for one in second}
        found = wait_for_predictions(serving_settings, len(unique))

    # then
    assert len(found) == len(unique) < len(first) + len(second)
    assert mismatches(serving_settings, found) == []


def test_a_restart_rebuilds_the_state_by_replay(serving_settings: Settings, champion: str) -> None:
    # given
    events = disorderly(600)
    send(serving_settings, events[:300])
    with running(serving_settings):
        wait_for_predictions(serving_settings, len({one["transaction_id"] for one in events[:300]}))

    # when
    send(serving_settings, events[300:])
    unique = {one["transaction_id"] for one in events}
    with running(serving_settings):
        found = wait_for_predictions(serving_settings, len(unique))

    # then
    assert len(found) == len(unique)
    assert mismatches(serving_settings, found) == []


def test_poison_goes_to_the_dead_letters_and_the_rest_goes_on(
    serving_settings: Settings, champion: str
) -> None:
    # given
    poison = [
        b"not json",
        b"",
        b"\xff\xfe",
        json.dumps(transaction(1, amount="-5")).encode(),
        json.dumps(transaction(2, timestamp=0)).encode(),
        json.dumps(transaction(3, timestamp=4_102_444_800_000)).encode(),
        json.dumps(transaction(4, amount="NaN")).encode(),
        b"[" * 70_000,
    ]
    send(serving_settings, [*poison, *(transaction(number) for number in range(10, 60))])

    # when
    with running(serving_settings):
        found = wait_for_predictions(serving_settings, 50)
        wait_for(lambda: len(read_all(serving_settings, serving_settings.topics.dead_letters)) >= 8)

    # then
    letters = read_all(serving_settings, serving_settings.topics.dead_letters)
    assert len(found) == 50
    assert sorted(letter.value() or b"" for letter in letters) == sorted(poison)
    headers = [dict(letter.headers()) for letter in letters]
    assert all(header["topic"].decode() == serving_settings.topics.transactions for header in headers)
    assert all(header["error"] for header in headers)
    assert len({(header["partition"], header["offset"]) for header in headers}) == 8


def test_the_champion_is_replaced_under_load_without_loss(serving_settings: Settings, champion: str) -> None:
    # given
    with running(serving_settings):
        send(serving_settings, [transaction(number) for number in range(300)])
        wait_for_predictions(serving_settings, 300)

        # when
        second = register(serving_settings, tiny_bundle(serving_settings, seed=1))
        sent = 300

        def replaced() -> bool:
            nonlocal sent
            send(serving_settings, [transaction(number) for number in range(sent, sent + 100)])
            sent += 100
            return second in {one.model_version for one in predictions(serving_settings)}

        wait_for(replaced, 60)
        found = wait_for_predictions(serving_settings, sent)

    # then
    assert len(found) == len({one.transaction_id for one in found}) == sent
    assert {one.model_version for one in found} == {champion, second}


def test_an_incompatible_champion_is_refused_and_the_old_one_stays(
    serving_settings: Settings, champion: str
) -> None:
    # given a version of another feature version that somebody gave the alias by hand
    with running(serving_settings) as engine:
        wait_for(lambda: engine.engine.status().is_ready)
        incompatible = register(
            serving_settings, tiny_bundle(serving_settings, feature_version=99), alias=None
        )

        # when
        force_alias(serving_settings, incompatible)
        wait_for(lambda: b"fraud_models_refused_total 1.0" in engine.metrics.exposition())
        send(serving_settings, [transaction(number) for number in range(50)])
        found = wait_for_predictions(serving_settings, 50)

    # then
    assert {one.model_version for one in found} == {champion}


def test_it_starts_from_the_last_good_model_while_the_registry_is_down(
    serving_settings: Settings, champion: str
) -> None:
    # given
    with running(serving_settings) as first:
        wait_for(lambda: first.engine.status().is_ready)
    down = {"tracking_uri": "http://127.0.0.1:1", "request_retries": 0, "poll_interval_s": 0.2}
    without = serving_settings.model_copy(
        update={"registry": serving_settings.registry.model_copy(update=down)}
    )
    without = type(without).model_validate(without.model_dump())

    # when
    send(serving_settings, [transaction(number) for number in range(50)])
    with running(without):
        found = wait_for_predictions(serving_settings, 50)

    # then
    assert {one.model_version for one in found} == {champion}


def test_a_restarted_worker_polls_the_registry_at_once(serving_settings: Settings, champion: str) -> None:
    # given a model on disk, a newer champion in the registry, and an hour between two polls
    with running(serving_settings) as first:
        wait_for(lambda: first.engine.status().is_ready)
    second = register(serving_settings, tiny_bundle(serving_settings, seed=1))
    registry = serving_settings.registry.model_copy(update={"poll_interval_s": 3_600.0})
    patient = serving_settings.model_copy(update={"registry": registry})

    # when
    with running(patient) as engine:
        wait_for(lambda: engine.engine._models.champion and engine.engine._models.champion.version == second)
        send(patient, [transaction(number) for number in range(50)])
        found = wait_for_predictions(patient, 50)

    # then
    assert {one.model_version for one in found} == {second}


def test_flagged_transactions_have_reasons(serving_settings: Settings) -> None:
    # given
    register(serving_settings, tiny_bundle(serving_settings, threshold=0.3))
    send(serving_settings, [transaction(number) for number in range(300)])

    # when
    with running(serving_settings):
        found = wait_for_predictions(serving_settings, 300)

    # then
    flagged = [one for one in found if one.decision == "review"]
    assert flagged
    assert all(one.reasons for one in flagged)
    assert all(one.reasons is None and one.score < 0.3 for one in found if one.decision == "approve")


def test_late_events_beyond_the_bound_are_dead_letters(serving_settings: Settings, champion: str) -> None:
    # given
    on_time = [transaction(number, card_id="one") for number in range(5)]
    late = transaction(9, card_id="one", timestamp=BASE_MS - 3 * 86_400_000)
    send(serving_settings, [*on_time, late])

    # when
    with running(serving_settings):
        wait_for(lambda: read_all(serving_settings, serving_settings.topics.dead_letters))
        found = predictions(serving_settings)

    # then
    assert {one.transaction_id for one in found} == {one["transaction_id"] for one in on_time}


def test_at_least_once_answers_everything_too(serving_settings: Settings, champion: str) -> None:
    # given
    serving = serving_settings.serving.model_copy(update={"delivery": "at_least_once"})
    at_least_once = serving_settings.model_copy(update={"serving": serving})
    events = disorderly(400)
    send(at_least_once, events)

    # when
    with running(at_least_once):
        found = wait_for_predictions(at_least_once, len({one["transaction_id"] for one in events}))

    # then
    assert mismatches(at_least_once, found) == []


def test_the_challenger_scores_in_shadow(serving_settings: Settings, champion: str) -> None:
    # given
    challenger = register(serving_settings, tiny_bundle(serving_settings, seed=3), alias="challenger")
    serving = serving_settings.serving.model_copy(update={"shadow": True})
    shadowing = serving_settings.model_copy(update={"serving": serving})

    # when
    with running(shadowing) as engine:
        wait_for(lambda: engine.engine._models.challenger)
        send(shadowing, [transaction(number) for number in range(50)])
        found = wait_for_predictions(shadowing, 50)

    # then
    assert {(one.model_version, one.challenger_version) for one in found} == {(champion, challenger)}
    assert any(one.challenger_score != one.score for one in found)


def test_without_topics_it_ends_with_a_sentence(make_settings: SettingsFactory, broker: str) -> None:
    made = make_settings(kafka={"bootstrap_servers": broker})
    with pytest.raises(UnreachableError, match="has no topic"):
        run(made, threading.Event())


def test_it_waits_for_a_model_and_reports_it(serving_settings: Settings) -> None:
    # given
    stop = threading.Event()
    thread = threading.Thread(target=run, args=(serving_settings, stop))
    thread.start()
    address = serving_settings.home / "serving" / "worker-0.json"

    # when
    try:
        wait_for(address.exists)
        url = json.loads(address.read_text())["url"]
        before = _ask(f"{url}/ready")
        register(serving_settings, tiny_bundle(serving_settings))
        wait_for(lambda: _ask(f"{url}/ready")[0] == 200)
        live, metrics = _ask(f"{url}/live"), _ask(f"{url}/metrics")
    finally:
        stop.set()
        thread.join(60)

    # then
    assert before[0] == 503
    assert "no version is the champion yet" in before[1]
    assert live[0] == metrics[0] == 200
    assert 'fraud_model_info{name="fraud-detector",role="champion",version="1"} 1.0' in metrics[1]


def _ask(url: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()
