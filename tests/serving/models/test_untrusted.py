"""A worker follows what was promoted with a key, on a real registry; other versions change nothing."""

import json

import pytest

from fraud.errors import UntrustedModelError
from fraud.registry.aliases import CHAMPION, promote
from fraud.registry.cache import last_good_bundle, save_bundle
from fraud.registry.connection import mlflow_client
from fraud.registry.trust.records import record_tag
from fraud.settings import Settings
from serving.models.active_models import ActiveModels
from serving.models.alias_poller import AliasPoller
from serving.models.slot import ModelSlot
from serving.ops.metrics import Metrics
from tests.conftest import SettingsFactory
from tests.serving.world import register, tiny_bundle, wait_for


@pytest.fixture
def registry(make_settings: SettingsFactory, mlflow_db: str) -> Settings:
    return make_settings(registry={"poll_interval_s": 0.05})


class Worker:
    """The part of a worker that follows the champion, one poll at a time."""

    def __init__(self, settings: Settings) -> None:
        self.folder = settings.home / "serving" / "model"
        self.metrics, self.slot = Metrics(), ModelSlot(CHAMPION)
        self.poller = AliasPoller(settings, self.metrics, self.slot, self.folder)

    def poll(self) -> str | None:
        """The version that it takes over, if any."""
        self.poller.poll_alias()
        model = self.slot.take_pending()
        return model.version if model else None

    def figures(self) -> tuple[float, float]:
        """How many versions were not trusted, and whether the alias names such a one now."""
        (_, count), *_ = (one for one in self.metrics.samples("fraud_models_untrusted_total") if is_ours(one))
        (_, now), *_ = (one for one in self.metrics.samples("fraud_model_untrusted") if is_ours(one))
        return count, now


def is_ours(sample: tuple[dict[str, str], float]) -> bool:
    return sample[0]["role"] == CHAMPION


def move_by_api(settings: Settings, version: str) -> None:
    with mlflow_client(settings) as client:
        client.set_registered_model_alias(settings.registry.model_name, CHAMPION, version)


def test_an_alias_that_was_moved_by_the_api_changes_nothing_until_it_is_put_right(registry: Settings) -> None:
    # given a worker that serves the second of two champions
    first = register(registry, tiny_bundle(registry))
    second = register(registry, tiny_bundle(registry, seed=1))
    third = register(registry, tiny_bundle(registry, seed=2), alias=None)
    worker = Worker(registry)
    assert worker.poll() == second
    # when the alias is moved to a version that nobody promoted, and to one that was promoted before
    for number, version in enumerate((third, first), start=1):
        move_by_api(registry, version)
        # then it is counted once, and shown as long as it lasts
        assert worker.poll() is None
        assert worker.poll() is None
        assert worker.figures() == (number, 1)
    # and put right by the API or by a promotion
    move_by_api(registry, second)
    assert worker.poll() is None
    assert worker.figures() == (2, 0)
    promote(registry, third, "looks good")
    assert worker.poll() == third
    assert worker.figures() == (2, 0)


def test_a_version_is_looked_at_again_once_it_is_signed(registry: Settings) -> None:
    # given a version that was refused
    version = register(registry, tiny_bundle(registry), alias=None)
    move_by_api(registry, version)
    worker = Worker(registry)
    assert worker.poll() is None
    assert worker.figures() == (1, 1)
    # when
    promote(registry, version, "looks good")
    # then
    assert worker.poll() == version


def test_a_worker_remembers_over_a_restart_which_promotion_was_the_newest(registry: Settings) -> None:
    # given a worker that served the second champion, and another one started in its home
    first = register(registry, tiny_bundle(registry))
    second = register(registry, tiny_bundle(registry, seed=1))
    former = Worker(registry)
    assert former.poll() == second
    saved = last_good_bundle(former.folder)
    assert saved is not None
    worker = Worker(registry)
    worker.poller.put(saved)
    worker.slot.take_pending()
    # when all of MLflow says that the first one is the newest
    with mlflow_client(registry) as client:
        client.delete_model_version_tag(registry.registry.model_name, second, record_tag(CHAMPION))
    move_by_api(registry, first)
    # then
    assert worker.poll() is None
    assert worker.figures() == (1, 1)


@pytest.mark.parametrize("attack", ["model.ubj", "MLmodel", "record", "whole"])
def test_a_model_on_disk_that_was_exchanged_is_not_parsed(
    registry: Settings, attack: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given what a worker keeps for a start without the registry
    register(registry, tiny_bundle(registry))
    worker = Worker(registry)
    worker.poll()
    pointer = json.loads((worker.folder / "current.json").read_text())
    folder = worker.folder / pointer["folder"]
    # when somebody who may write there exchanges it
    if attack == "record":
        pointer["record"] = ""
        (worker.folder / "current.json").write_text(json.dumps(pointer))
    elif attack == "whole":
        save_bundle(tiny_bundle(registry, seed=1), worker.folder)
    else:
        content = bytearray((folder / attack).read_bytes())
        content[len(content) // 2] ^= 1
        (folder / attack).write_bytes(content)
    monkeypatch.setattr("fraud.registry.cache.parse_bundle", lambda *_: pytest.fail("it was parsed"))
    # then the next start does not take it
    models = ActiveModels(registry, Metrics())
    models._load_last_good()
    assert not models.apply_pending()


def test_a_worker_without_a_model_ends_where_only_an_untrusted_one_is_named(registry: Settings) -> None:
    # given
    move_by_api(registry, register(registry, tiny_bundle(registry), alias=None))
    models = ActiveModels(registry, Metrics())
    models.require_trusted()
    # when
    models.start()
    # then
    wait_for(lambda: models._champion_poller.untrusted, 60)
    with pytest.raises(UntrustedModelError, match="is not signed as champion"):
        models.require_trusted()
    models.stop()


def test_a_worker_with_a_model_goes_on(registry: Settings) -> None:
    # given
    register(registry, tiny_bundle(registry))
    models = ActiveModels(registry, Metrics())
    models.start()
    wait_for(models.apply_pending, 60)
    # when
    move_by_api(registry, register(registry, tiny_bundle(registry, seed=1), alias=None))
    wait_for(lambda: models._champion_poller.untrusted, 60)
    # then
    models.require_trusted()
    assert not models._champion.take_pending()
    models.stop()


def test_the_files_on_disk_are_those_that_were_signed(registry: Settings) -> None:
    register(registry, tiny_bundle(registry))
    Worker(registry).poll()
    models = ActiveModels(registry, Metrics())
    models._load_last_good()
    assert models.apply_pending()
