"""An analyst's verdict: kept first, with a line in the audit, then sent until Kafka has its label."""

import logging
import sqlite3
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import msgspec
from confluent_kafka import Producer

from fraud.kafka.clients import producer_config
from fraud.schema import Label
from fraud.settings import Settings
from serving.dashboard.feed.store import Store

log = logging.getLogger(__name__)

VerdictName = Literal["fraud", "legitimate", "unsure"]
_VERDICT = """
INSERT INTO verdicts (id, transaction_id, card_id, verdict, note, analyst, decided_at, pending)
VALUES (?, ?, ?, ?, ?, ?, ?, ?)
"""
_RETRY_S = 5.0
_DELIVERY_S = 5.0
_END_WITHIN_S = 5.0


@dataclass(frozen=True)
class Verdict:
    """What somebody decided on an alert; `id` is the browser's and makes a repetition visible."""

    id: str
    transaction_id: str
    card_id: str
    verdict: VerdictName
    note: str
    analyst: str
    decided_at: int


class RepeatedVerdictError(Exception):
    """A verdict of this id has been taken already."""


class Verdicts:
    """Takes verdicts and sends those that are labels; `unsure` is kept but says nothing to the model.

    A verdict whose label Kafka does not confirm stays pending and is sent again, after a restart too. A label
    sent twice is the same label.
    """

    def __init__(self, settings: Settings, store: Store) -> None:
        self._settings = settings
        self._store = store
        self._stop = threading.Event()
        self._wake = threading.Event()
        self._delivered = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="reviews", daemon=True)

    def start(self) -> None:
        """Begin to send, what is pending from before included."""
        self._wake.set()
        self._thread.start()

    def stop(self) -> None:
        """End; what is pending waits for the next start."""
        self._stop.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(_END_WITHIN_S)  # it may wait for a silent Kafka

    def take(self, verdict: Verdict) -> bool:
        """Keep the verdict; returns whether its label is on the topic (or none is due) by now.

        Raises:
            RepeatedVerdictError: the same verdict was sent before.
        """
        pending = verdict.verdict != "unsure"
        card_ref = self._store.card_ref(verdict.card_id)
        detail = {
            "verdict": verdict.verdict, "note": verdict.note, "id": verdict.id, "card_ref": card_ref,
        }  # fmt: skip
        with self._store.desk() as desk:
            try:
                desk.execute(
                    _VERDICT,
                    (
                        verdict.id, verdict.transaction_id, verdict.card_id, verdict.verdict, verdict.note,
                        verdict.analyst, verdict.decided_at, pending,
                    ),
                )  # fmt: skip
            except sqlite3.IntegrityError:
                raise RepeatedVerdictError from None
            audit(desk, verdict.analyst, "verdict", verdict.transaction_id, detail)
        return self._wait_for(verdict.id) if pending else True

    def _wait_for(self, identifier: str) -> bool:
        deadline = time.monotonic() + _DELIVERY_S
        self._wake.set()
        with self._delivered:
            while self._is_pending(identifier):
                if not self._delivered.wait(deadline - time.monotonic()):
                    return not self._is_pending(identifier)
        return True

    def _is_pending(self, identifier: str) -> bool:
        query = "SELECT pending FROM verdicts WHERE id = ?"
        return bool(self._store.reader.execute(query, (identifier,)).fetchone()["pending"])

    def _run(self) -> None:
        producer = self._producer()
        while not self._stop.is_set():
            self._wake.wait(_RETRY_S)
            self._wake.clear()
            try:
                self._send_pending(producer)
            except Exception:
                log.exception("verdicts could not be sent; trying again")
                producer = self._producer()

    def _producer(self) -> Producer:
        extra = {"log_level": 2, "linger.ms": 0, "message.timeout.ms": 10_000}
        return Producer(producer_config(self._settings, **extra))

    def _send_pending(self, producer: Producer) -> None:
        rows = self._store.reader.execute("SELECT * FROM verdicts WHERE pending ORDER BY seq").fetchall()
        arrived: list[str] = []
        for row in rows:
            producer.produce(
                self._settings.topics.labels,
                msgspec.json.encode(_label(row)),
                row["card_id"],
                timestamp=row["decided_at"],
                headers={"analyst": row["analyst"], "verdict_id": row["id"]},
                on_delivery=lambda error, _, of=row["id"]: None if error else arrived.append(of),
            )
        while len(producer) and not self._stop.is_set():
            producer.flush(0.5)  # until each is delivered or has timed out
        if arrived:
            with self._store.desk() as desk:
                desk.executemany("UPDATE verdicts SET pending = 0 WHERE id = ?", [(one,) for one in arrived])
        with self._delivered:
            self._delivered.notify_all()


def audit(
    desk: sqlite3.Connection, who: str, action: str, subject: str, detail: Mapping[str, object]
) -> None:
    """Add a line to the audit, within the caller's transaction."""
    desk.execute(
        "INSERT INTO audit (at, who, action, subject, detail) VALUES (?, ?, ?, ?, ?)",
        (time.time_ns() // 1_000_000, who, action, subject, msgspec.json.encode(detail).decode()),
    )


def _label(row: sqlite3.Row) -> Label:
    return Label(
        transaction_id=row["transaction_id"],
        card_id=row["card_id"],
        is_fraud=row["verdict"] == "fraud",
        reported_at=row["decided_at"],
        source="analyst",
    )
