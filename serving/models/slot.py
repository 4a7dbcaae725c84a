"""Which model scores: a thread follows the registry's alias, the engine swaps between two micro-batches.

A new version is loaded, checked and smoke-scored beside the one that serves. A version that does not pass is
refused for good and the old one stays. The last good one is kept on disk, so that serving starts without the
registry.

A model is identified by its digest. The registry's number is what it is called by, until a registry that was
made again calls another model so.
"""

import logging
import random
import threading
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from fraud.errors import FraudError, IncompatibleModelError
from fraud.native.forest import Forest, compile_forest
from fraud.native.shapley import Shapley, compile_shapley
from fraud.registry.aliases import CHALLENGER, CHAMPION, AliasTarget, alias_target
from fraud.registry.bundle import ModelBundle, check_compatible, describe, probe_rows
from fraud.registry.cache import last_good_bundle, save_bundle
from fraud.registry.versions import load_bundle
from fraud.settings import Settings
from serving.ops.metrics import Metrics

log = logging.getLogger(__name__)

_JITTER = 0.2


@dataclass(frozen=True)
class Served:
    """A bundle as it scores and explains here; where `forest` or `shapley` is None, XGBoost itself has to."""

    bundle: ModelBundle
    forest: Forest | None
    shapley: Shapley | None

    @property
    def version(self) -> str:
        """The registry's."""
        return self.bundle.version

    def score(self, rows: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
        """What `ModelBundle.score` gives, shape (N,)."""
        if self.forest is None:
            return self.bundle.score(rows)
        return self.bundle.metadata.calibration.apply(self.forest.margin(rows).astype(np.float64))

    def contributions(self, rows: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """What `ModelBundle.contributions` gives, shape (N, F)."""
        return self.bundle.contributions(rows) if self.shapley is None else self.shapley.contributions(rows)


def serve(bundle: ModelBundle) -> Served:
    """Prepare a checked bundle for scoring, and score and explain once."""
    forest = compile_forest(bundle.booster)
    if forest is None:
        log.warning("%s is not of plain trees; XGBoost scores it, more slowly", describe(bundle))
    served = Served(bundle, forest, compile_shapley(bundle.booster) if forest else None)
    rows = probe_rows(len(bundle.metadata.feature_names))
    served.score(rows)
    served.contributions(rows)
    return served


@dataclass
class _Seat:
    """A role and who holds it: `served` scores now, `successor` from the next micro-batch on.

    `named` is what the registry named when the newest was loaded, `refused` what must not serve.
    """

    alias: str
    served: Served | None = None
    successor: Served | None = None
    named: AliasTarget | None = None
    refused: set[AliasTarget] = field(default_factory=set)

    @property
    def newest(self) -> Served | None:
        """Who holds the role from the next micro-batch on."""
        return self.successor or self.served


class Models:
    """The champion, and the challenger where shadow scoring is asked for."""

    def __init__(self, settings: Settings, metrics: Metrics) -> None:
        self._settings = settings
        self._metrics = metrics
        self._champion = _Seat(CHAMPION)
        self._challenger = _Seat(CHALLENGER)
        self._is_settled = threading.Event()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="models", daemon=True)

    @property
    def champion(self) -> Served | None:
        """The model that decides."""
        return self._champion.served

    @property
    def challenger(self) -> Served | None:
        """The model that scores in shadow."""
        return self._challenger.served

    def start(self) -> None:
        """Take the last good model from disk, if there is one, and begin to follow the registry."""
        self._seat_last_good()
        self._thread.start()

    def swap(self) -> bool:
        """Seat the successors; call it between two micro-batches. Returns whether there is a champion."""
        for seat in (self._champion, self._challenger):
            successor, seat.successor = seat.successor, None
            if successor is not None:
                self._seat(seat, successor)
        return self.champion is not None

    def settled(self) -> None:
        """Say that scoring has caught up: a look at the registry may now take its share of the processor."""
        self._is_settled.set()

    def stop(self) -> None:
        """End the thread; one that waits for a dead registry is left to end with the process."""
        self._stop.set()
        self._is_settled.set()
        if self._thread.is_alive():
            self._thread.join(1.0)

    def _seat(self, seat: _Seat, served: Served) -> None:
        if seat.served is not None:
            self._metrics.model_leaves(seat.served.bundle, seat.alias)
        seat.served = served
        self._metrics.model_serves(served.bundle, seat.alias)
        bundle = served.bundle
        log.info(
            "%s is now the %s: digest %s, run %s",
            describe(bundle), seat.alias, bundle.digest, bundle.run_id or "unknown",
        )  # fmt: skip

    def _seat_last_good(self) -> None:
        try:
            bundle = last_good_bundle(self._folder)
            if bundle is not None:
                self._champion.successor = serve(check_compatible(bundle).verify())
        except (IncompatibleModelError, OSError) as error:
            log.warning("the last good model on disk is of no use: %s", error)

    def _follow(self) -> None:
        seats = [self._champion, *([self._challenger] if self._settings.serving.shadow else [])]
        if self._champion.newest is not None:
            # MLflow's import takes seconds that a restart would rather spend on catching up.
            self._is_settled.wait(self._settings.registry.poll_interval_s)
        while not self._stop.is_set():
            for seat in seats:
                self._look(seat)
            self._pause()

    def _pause(self) -> None:
        interval_s = self._settings.registry.poll_interval_s
        self._stop.wait(interval_s * random.uniform(1 - _JITTER, 1 + _JITTER))  # noqa: S311

    def _look(self, seat: _Seat) -> None:
        try:
            named = alias_target(self._settings, seat.alias)
            if named is not None and named != seat.named and named not in seat.refused:
                self._load(seat, named)
        except FraudError as error:
            self._metrics.registry_failures.inc()
            log.warning("the registry was not asked for the %s: %s", seat.alias, error)
        except Exception:
            # Whatever a client or a strange artifact raises: the next look is due all the same.
            self._metrics.registry_failures.inc()
            log.exception("looking for the %s failed", seat.alias)

    def _load(self, seat: _Seat, named: AliasTarget) -> None:
        try:
            bundle = load_bundle(self._settings, named.version)
        except IncompatibleModelError as error:
            if self._still_named(seat, named):
                seat.refused.add(named)
                self._metrics.refused_models.inc()
                log.warning("version %s is refused as %s: %s", named.version, seat.alias, error)
            return
        if not self._still_named(seat, named):
            return
        bundle = replace(bundle, run_id=named.run_id or bundle.run_id)
        if seat.newest is None or _identity(seat.newest.bundle) != _identity(bundle):
            seat.successor = serve(bundle)
        seat.named = named
        if seat is self._champion:
            self._keep(bundle)

    def _still_named(self, seat: _Seat, named: AliasTarget) -> bool:
        """Whether what was fetched by its number is what the alias named: the next look is due if not."""
        return alias_target(self._settings, seat.alias) == named

    def _keep(self, bundle: ModelBundle) -> None:
        try:
            save_bundle(bundle, self._folder)
        except OSError as error:
            log.warning("the model could not be kept on disk: %s", error)

    @property
    def _folder(self) -> Path:
        return self._settings.home / "serving" / "model"


def _identity(bundle: ModelBundle) -> tuple[str, str, str]:
    """The model, and by what predictions name it."""
    return bundle.digest, bundle.run_id, bundle.version
