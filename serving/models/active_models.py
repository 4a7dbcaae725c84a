"""Which models score: a thread polls the registry's aliases, the serving loop takes over between two batches.

The thread loads and checks a new version, and scores with it once, beside the one that serves. A version that
does not pass is rejected and the old one stays. The last good champion is kept on disk, so that serving
starts without the registry.

A model is identified by its digest. The registry's version number is its name only: a registry that was set
up again gives the same number to another model.
"""

import logging
import random
import threading
from functools import partial

from fraud.errors import IncompatibleModelError
from fraud.registry.aliases import CHALLENGER, CHAMPION
from fraud.registry.bundle import describe
from fraud.registry.cache import last_good_bundle
from fraud.registry.trust.loading import check_bundle, check_saved
from fraud.settings import Settings
from serving.models.alias_poller import AliasPoller
from serving.models.serving_model import ServingModel
from serving.models.slot import ModelSlot
from serving.ops.metrics import Metrics

log = logging.getLogger(__name__)

_JITTER = 0.2


class ActiveModels:
    """The champion, and the challenger where shadow scoring is enabled."""

    def __init__(self, settings: Settings, metrics: Metrics) -> None:
        self._settings = settings
        self._metrics = metrics
        self._champion, self._challenger = ModelSlot(CHAMPION), ModelSlot(CHALLENGER)
        self._cache_folder = settings.home / "serving" / "model"
        self._champion_poller = AliasPoller(settings, metrics, self._champion, self._cache_folder)
        self._challenger_poller = AliasPoller(settings, metrics, self._challenger)
        self._may_poll = threading.Event()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._poll, name="models", daemon=True)

    @property
    def champion(self) -> ServingModel | None:
        """The model that decides."""
        return self._champion.current

    @property
    def challenger(self) -> ServingModel | None:
        """The model that scores in shadow."""
        return self._challenger.current

    def start(self) -> None:
        """Take the last good champion from disk, if there is one, and start to poll the registry."""
        self._load_last_good()
        self._thread.start()

    def apply_pending(self) -> bool:
        """Take over the pending models; call it between two micro-batches.

        Returns:
            Whether there is a champion.
        """
        for slot in (self._champion, self._challenger):
            model = slot.take_pending()
            if model is not None:
                self._apply(slot, model)
        return self.champion is not None

    def require_trusted(self) -> None:
        """See that the model that is waited for is not one that nobody trusts.

        Raises:
            UntrustedModelError: nothing serves, and the registry names a champion that is not trusted.
        """
        error = self._champion_poller.untrusted
        if self.champion is None and error is not None:
            raise error

    def allow_polling(self) -> None:
        """Scoring has caught up: polling the registry may take its share of the processor."""
        self._may_poll.set()

    def stop(self) -> None:
        """End the thread; one that waits for a dead registry is left to end with the process."""
        self._stop.set()
        self._may_poll.set()
        if self._thread.is_alive():
            self._thread.join(1.0)

    def _apply(self, slot: ModelSlot, model: ServingModel) -> None:
        bundle = model.bundle
        if slot.current is not None:
            self._metrics.models.remove_model(slot.current.bundle, slot.alias)
        slot.current = model
        self._metrics.models.set_model(bundle, slot.alias)
        log.info(
            "%s is now the %s: digest %s, run %s",
            describe(bundle), slot.alias, bundle.digest, bundle.run_id or "unknown",
        )  # fmt: skip

    def _load_last_good(self) -> None:
        try:
            check = partial(check_saved, self._settings, CHAMPION)
            bundle = last_good_bundle(self._cache_folder, check)
            if bundle is not None:
                self._champion_poller.put(check_bundle(self._settings, bundle))
        except (IncompatibleModelError, OSError) as error:
            log.warning("the last good model on disk cannot serve: %s", error)

    def _poll(self) -> None:
        shadow = [self._challenger_poller] if self._settings.serving.shadow else []
        interval_s = self._settings.registry.poll_interval_s
        if self._champion_poller.has_model:
            # MLflow's import takes seconds of the processor; after a restart, catching up comes first.
            self._may_poll.wait(interval_s)
        while not self._stop.is_set():
            for poller in (self._champion_poller, *shadow):
                poller.poll_alias()
            self._stop.wait(interval_s * random.uniform(1 - _JITTER, 1 + _JITTER))  # noqa: S311
