"""One event to one endpoint: signed, and tried again with growing pauses until it is taken.

Only configured addresses are asked: a redirection is a failure and is not followed.
"""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from http.cookiejar import DefaultCookiePolicy

import requests
from requests.adapters import HTTPAdapter
from urllib3.exceptions import HTTPError

from fraud.settings import WebhookEndpoint, WebhookSettings
from serving.webhooks.events import WebhookEvent
from serving.webhooks.metrics import WebhookMetrics
from serving.webhooks.signing import signed_headers

_CONNECT_TIMEOUT_S = 5.0
_JITTER = random.SystemRandom()
_CONTENT = {"Content-Type": "application/json", "User-Agent": "fraud-on-kafka-webhooks"}


class InterruptedDeliveryError(Exception):
    """The program was stopped between two attempts; the event is sent again after the next start."""


@dataclass(frozen=True)
class Attempt:
    """The result of one request: `problem` is empty if the endpoint took the event.

    `retry_after_s` is how long the endpoint asks us to wait, 0 if it does not.
    """

    problem: str = ""
    retry_after_s: float = 0.0


class WebhookSender:
    """Delivers events to one endpoint; any thread may call it."""

    def __init__(
        self,
        name: str,
        endpoint: WebhookEndpoint,
        settings: WebhookSettings,
        metrics: WebhookMetrics,
        wait: Callable[[float], bool],
    ) -> None:
        """`wait` waits so many seconds and returns whether the program was stopped."""
        self._name, self._endpoint, self._settings, self._metrics = name, endpoint, settings, metrics
        self._wait = wait
        self._session = _session(settings.concurrency)

    def deliver(self, event: WebhookEvent) -> str | None:
        """Send the event until it is taken; why it was given up, or None.

        Raises:
            InterruptedDeliveryError: the program was stopped.
        """
        started, attempts = time.monotonic(), 0
        while True:
            result = self.attempt(event)
            attempts += 1
            if not result.problem:
                return None
            pause_s = self._pause(attempts, result.retry_after_s)
            if time.monotonic() - started + pause_s > self._settings.give_up_after.total_seconds():
                return f"webhook {self._name!r} was not taken in {attempts} attempts: {result.problem}"
            if self._wait(pause_s):
                raise InterruptedDeliveryError

    def attempt(self, event: WebhookEvent) -> Attempt:
        """Send the event once."""
        keys = self._endpoint.signing_keys
        headers = _CONTENT | signed_headers(event.id, int(time.time()), event.body, keys)
        timeout = (_CONNECT_TIMEOUT_S, self._settings.timeout_s)
        try:
            # Streamed and closed: nothing of the body is read.
            with self._session.post(
                self._endpoint.url, data=event.body, headers=headers, timeout=timeout,
                allow_redirects=False, stream=True,
            ) as response:  # fmt: skip
                status, retry_after = response.status_code, response.headers.get("Retry-After", "")
        except (requests.RequestException, HTTPError, OSError, ValueError) as error:
            self._metrics.attempts.labels(self._name, "error").inc()
            # Its text may name the address, in which some put a token.
            return Attempt(type(error).__name__)
        self._metrics.attempts.labels(self._name, str(status)).inc()
        if 200 <= status < 300:
            return Attempt()
        return Attempt(f"HTTP {status}", float(retry_after) if retry_after.isdecimal() else 0.0)

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    def _pause(self, attempts: int, asked_s: float) -> float:
        """Seconds before the next attempt: exponential, with full jitter, and at least what was asked for."""
        longest = self._settings.longest_pause.total_seconds()
        # The exponent is bounded, because 2.0 ** 1024 is an error.
        backoff = min(longest, self._settings.first_pause.total_seconds() * 2.0 ** min(attempts - 1, 60))
        return max(_JITTER.uniform(backoff / 10, backoff), min(asked_s, longest))


class _DirectSession(requests.Session):
    """Sees no redirections.

    Also one that is not followed is otherwise prepared: its body is read, however long it is.
    """

    def get_redirect_target(self, resp: requests.Response) -> None:
        """There is none."""


def _session(connections: int) -> requests.Session:
    """A session that sends nothing but what it is given: no cookies, no credentials from .netrc."""
    session = _DirectSession()
    adapter = HTTPAdapter(pool_connections=1, pool_maxsize=connections)
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    session.auth = lambda request: request
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    return session
