"""Payments, labels and requests for the tests of the search, cards and merchants."""

from typing import Any

from fraud.schema import Label
from serving.dashboard.feed.recorder import Batch, Recorder
from tests.serving.dashboard.support import Browser, DashboardServer, now_ms, prediction_for

HOUR_MS = 3_600_000
HOSTILE = [
    "<img src=x onerror=alert(1)>", "100%", "a_b", "back\\slash", "it's", 'say "no"', "x" * 64,
    "\u202eevil\u2066", "קוד-1", "a/../b?c#d", "..", "; DROP TABLE payments", "*", "Ünïcode",
]  # fmt: skip
"""Ids that are markup, patterns, statements or addresses somewhere."""


def store(recorder: Recorder, *payments: Any, score: float = 0.1, **prediction: Any) -> None:
    """Payments with what was predicted for them; flagged from a score of 0.5 on."""
    recorder.write(Batch([*payments], [prediction_for(one, score, **prediction) for one in payments]))


def report(recorder: Recorder, *payments: Any, is_fraud: bool = True) -> None:
    """Labels of payments, known now."""
    at = now_ms()
    recorder.write(
        Batch(
            labels=[
                Label(one.transaction_id, one.card_id, is_fraud=is_fraud, reported_at=at) for one in payments
            ]
        )
    )


def search(browser: Browser, text: str = "", **period: int) -> dict[str, Any]:
    """What the search answers."""
    answer = browser.post("search", {"text": text} | period)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def ids(answer: dict[str, Any], kind: str) -> list[str]:
    """The ids that a search found of a kind: cards, merchants or transactions."""
    return [one[f"{kind.removesuffix('s')}_id"] for one in answer[kind]["found"]]


def ref_of(dashboard: DashboardServer, card_id: str) -> str:
    """The reference of a card."""
    return dashboard.context.store.card_ref(card_id)
