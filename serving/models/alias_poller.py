"""Follows one alias of the registry: loads and checks each version that it names."""

import logging
from dataclasses import replace
from pathlib import Path

from fraud.errors import FraudError, IncompatibleModelError, UntrustedModelError
from fraud.registry.aliases import AliasTarget, alias_target
from fraud.registry.bundle import ModelBundle
from fraud.registry.cache import save_bundle
from fraud.registry.trust.loading import load_promoted, sequence_of
from fraud.settings import Settings
from serving.models.serving_model import prepare_model
from serving.models.slot import ModelSlot
from serving.ops.metrics import Metrics

log = logging.getLogger(__name__)


class AliasPoller:
    """Puts each new model of an alias into a slot; used by one thread at a time.

    A version that must not serve is rejected and not loaded again, and the model before it stays.
    """

    def __init__(
        self, settings: Settings, metrics: Metrics, slot: ModelSlot, cache_folder: Path | None = None
    ) -> None:
        """Follow the slot's alias.

        Args:
            settings: of the registry.
            metrics: where failures and rejected versions are counted.
            slot: receives the models.
            cache_folder: where the last good model is kept; None: it is not kept.
        """
        self._settings = settings
        self._metrics = metrics
        self._slot = slot
        self._cache_folder = cache_folder
        self._loaded: AliasTarget | None = None
        self._rejected: dict[AliasTarget, IncompatibleModelError] = {}
        self._newest: ModelBundle | None = None
        self._untrusted: UntrustedModelError | None = None

    @property
    def has_model(self) -> bool:
        """Whether a model was put into the slot."""
        return self._newest is not None

    @property
    def untrusted(self) -> UntrustedModelError | None:
        """Why the version that the alias named last was not trusted; None: it was, or nobody knows yet."""
        return self._untrusted

    def put(self, bundle: ModelBundle) -> None:
        """Prepare a checked bundle and put it into the slot.

        Raises:
            IncompatibleModelError: it needs a feature that nobody computes.
        """
        self._slot.pending.put(prepare_model(self._settings.loaded_definitions, bundle))
        self._newest = bundle

    def poll_alias(self) -> None:
        """Load what the alias names, if that is new; errors are logged and counted."""
        try:
            target = alias_target(self._settings, self._slot.alias)
            if target is not None and target != self._loaded and target not in self._rejected:
                self._load(target)
            self._note_trust(self._rejected.get(target) if target else None)
        except FraudError as error:
            self._metrics.models.registry_failures.inc()
            log.warning("polling the alias %r failed: %s", self._slot.alias, error)
        except Exception:
            # Whatever a client or a damaged artifact raises: the next poll is due all the same.
            self._metrics.models.registry_failures.inc()
            log.exception("polling the alias %r failed", self._slot.alias)

    def _load(self, target: AliasTarget) -> None:
        try:
            bundle = load_promoted(
                self._settings, self._slot.alias, target.version, target.record, self._newest_known()
            )
        except IncompatibleModelError as error:
            if self._is_current(target):
                self._reject(target, error)
            return
        if not self._is_current(target):
            return
        bundle = replace(bundle, run_id=target.run_id or bundle.run_id)
        if self._newest is None or _identity(self._newest) != _identity(bundle):
            self.put(bundle)
        self._newest = bundle
        self._loaded = target
        self._save(bundle)

    def _reject(self, target: AliasTarget, error: IncompatibleModelError) -> None:
        self._rejected[target] = error
        self._metrics.models.refused.inc()
        if isinstance(error, UntrustedModelError):
            self._metrics.models.untrusted.labels(self._slot.alias).inc()
        log.warning("version %s is refused as %s: %s", target.version, self._slot.alias, error)

    def _note_trust(self, error: IncompatibleModelError | None) -> None:
        """Say whether the alias names a version that is not trusted now."""
        self._untrusted = error if isinstance(error, UntrustedModelError) else None
        self._metrics.models.untrusted_named.labels(self._slot.alias).set(self._untrusted is not None)

    def _newest_known(self) -> int:
        """The sequence of the promotion that was accepted last: nothing older is."""
        return sequence_of(self._settings, self._newest.record) if self._newest is not None else 0

    def _is_current(self, target: AliasTarget) -> bool:
        """Whether the alias still names what was loaded by its version; if not, the next poll loads again."""
        return alias_target(self._settings, self._slot.alias) == target

    def _save(self, bundle: ModelBundle) -> None:
        if self._cache_folder is None:
            return
        try:
            save_bundle(bundle, self._cache_folder)
        except OSError as error:
            log.warning("the model could not be kept on disk: %s", error)


def _identity(bundle: ModelBundle) -> tuple[str, str, str]:
    """What identifies a model, and what predictions name it by."""
    return bundle.digest, bundle.run_id, bundle.version
