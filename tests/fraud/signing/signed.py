"""Promotions and events of policies that go past the checks of their kind, but not past the key."""

from fraud.decisions.log.signatures import SIGNATURE_HEADER, sign_event
from fraud.registry.aliases import CHAMPION, _give
from fraud.registry.versions import fetch_bundle
from fraud.settings import Settings
from fraud.signing.signers import find_signer


def force_alias(settings: Settings, version: str, alias: str = CHAMPION) -> None:
    """Give a version the alias whatever its state, signed with the settings' key."""
    _give(settings, alias, fetch_bundle(settings, version), {}, "tests")


def event_headers(settings: Settings, value: bytes) -> list[tuple[str, str | bytes | None]]:
    """The headers of an event that is written straight to the topic of policies, signed."""
    signer = find_signer(settings)
    return [] if signer is None else [(SIGNATURE_HEADER, sign_event(signer, value).encode())]
