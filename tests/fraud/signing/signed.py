"""Promotions and events of policies that go past the checks of their kind, but not past the key."""

import tempfile
from dataclasses import replace
from pathlib import Path

from fraud.decisions.log.signatures import SIGNATURE_HEADER, sign_event
from fraud.registry.aliases import CHAMPION, _give
from fraud.registry.bundle import ModelBundle, write_bundle
from fraud.registry.bundle_files import BundleFiles, read_files
from fraud.registry.cache import save_bundle
from fraud.registry.trust.records import PromotionStatement, signed_record
from fraud.registry.versions import fetch_bundle
from fraud.settings import Settings
from fraud.signing.signers import find_signer


def force_alias(settings: Settings, version: str, alias: str = CHAMPION) -> None:
    """Give a version the alias whatever its state, signed with the settings' key."""
    _give(settings, alias, fetch_bundle(settings, version), {}, "tests")


def save_champion(settings: Settings, bundle: ModelBundle) -> None:
    """Keep a champion on disk for a worker without a registry, its promotion signed by the settings' key."""
    files, signer = _files_of(bundle), find_signer(settings)
    model = settings.registry.model_name
    statement = PromotionStatement(model, CHAMPION, bundle.version, files.digest, bundle.digest, 1, "tests")
    record = "" if signer is None else signed_record(signer, statement)
    save_bundle(replace(bundle, files=files, record=record), settings.home / "serving" / "model")


def _files_of(bundle: ModelBundle) -> BundleFiles:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "model"
        write_bundle(bundle, folder)
        return read_files(folder)


def event_headers(settings: Settings, value: bytes) -> list[tuple[str, str | bytes | None]]:
    """The headers of an event that is written straight to the topic of policies, signed."""
    signer = find_signer(settings)
    return [] if signer is None else [(SIGNATURE_HEADER, sign_event(signer, value).encode())]
