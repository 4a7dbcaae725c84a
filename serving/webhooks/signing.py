"""Signatures of webhooks, as Standard Webhooks 1.0 describes them: HMAC-SHA256 of id, time and body.

Any library of that specification verifies them (https://www.standardwebhooks.com).
"""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Sequence

from fraud.settings import WEBHOOK_KEY_PREFIX

_NEW_BYTES = 32


def signed_headers(event_id: str, sent_at: int, body: bytes, keys: Sequence[bytes]) -> dict[str, str]:
    """The headers by which a receiver checks who sent `body`, and when.

    Args:
        event_id: the same in every attempt, so that a receiver notices repetitions.
        sent_at: of this attempt, s.
        body: as it is sent.
        keys: a signature for each; several while a secret is being replaced.
    """
    content = b".".join((event_id.encode(), str(sent_at).encode(), body))
    digests = (hmac.new(key, content, hashlib.sha256).digest() for key in keys)
    signatures = (f"v1,{base64.b64encode(digest).decode()}" for digest in digests)
    return {
        "webhook-id": event_id,
        "webhook-timestamp": str(sent_at),
        "webhook-signature": " ".join(signatures),
    }


def new_secret() -> str:
    """A secret for an endpoint, from the system's random numbers."""
    return WEBHOOK_KEY_PREFIX + base64.b64encode(secrets.token_bytes(_NEW_BYTES)).decode()
