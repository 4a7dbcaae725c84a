"""The replay as a whole: read and judge, hold against the topics, publish in order of event time."""

import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Protocol

from fraud.errors import ConfigurationError, DataError
from fraud.kafka.permission_checks import require_topic
from fraud.messages.admission import max_amounts
from fraud.settings import Settings
from producer.replay.files.opening import open_source
from producer.replay.forms.texts import stem_of
from producer.replay.mapping.columns import LABEL_FIELDS, Columns, read_mapping
from producer.replay.publishing.publish import Consignment, Sent, publish
from producer.replay.publishing.topic_checks import (
    Span,
    keep_for_ever,
    require_not_behind,
    require_retention,
    require_taken,
)
from producer.replay.rows.conform import Limits
from producer.replay.rows.labels import LabelPlan, no_labels, plan_labels
from producer.replay.staging.rejected_rows import Rejects
from producer.replay.staging.remedies import no_label_of, no_transaction_of
from producer.replay.staging.staging_file import Spool
from producer.replay.survey import Survey, survey_labels, survey_transactions, time_order

_ANY_TIME = 1 << 62


@dataclass(frozen=True)
class ReplayRequest:
    """What to replay and how; a `speed` of None is as fast as Kafka takes it."""

    transactions: Path
    labels: Path | None = None
    columns: Path | None = None
    label_delay: timedelta = timedelta(days=7)
    speed: float | None = None
    shift_to_now: bool = False
    keep_forever: bool = False
    resume_from: int = 0
    dry_run: bool = False


class Listener(Protocol):
    """Whoever wants to know how far the replay is; it may stop it by raising a KeyboardInterrupt."""

    def say(self, sentence: str) -> None:
        """Something worth a line."""

    def at(self, stage: str, done: int, total: int | None = None) -> None:
        """So many rows of a stage are done, of so many if that is known."""


@dataclass
class Outcome:
    """What became of every row; `begins` and `ends` are the first and last event time (ms) as published."""

    read: int = 0
    good: int = 0
    labels: int = 0
    sent: Sent = field(default_factory=Sent)
    rejects: list[Rejects] = field(default_factory=list)
    unused_labels: Counter[str] = field(default_factory=Counter)
    notes: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    begins: int = 0
    ends: int = 0
    seconds: float = 0.0


@dataclass
class _Replay:
    """What the steps of one replay share."""

    settings: Settings
    request: ReplayRequest
    listener: Listener
    folder: Path
    outcome: Outcome = field(default_factory=Outcome)

    @contextmanager
    def rejects(
        self,
        name: str,
        columns: list[str] | tuple[str, ...],
        place_name: str,
        name_place: Callable[[int], str] | None = None,
    ) -> Iterator[Rejects]:
        """Where the rows of one file that cannot be used go."""
        with Rejects(self.settings.home / "rejected", name, columns, place_name, name_place) as rejects:
            self.outcome.rejects.append(rejects)
            yield rejects


def replay(settings: Settings, request: ReplayRequest, listener: Listener) -> Outcome:
    """Publish a file's transactions, and its labels, in order of event time.

    Raises:
        FraudError: nothing in the files can be used, or the topics would not keep or take it.
    """
    if request.resume_from and request.shift_to_now:
        raise ConfigurationError("--resume-from does not go with --shift-to-now, since now has moved on")
    if not request.dry_run:
        for topic in (settings.topics.transactions, settings.topics.labels):
            require_topic(settings, topic, "write")
    scratch = settings.home / "replay"
    scratch.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=scratch) as folder:
        run = _Replay(settings, request, listener, Path(folder))
        consignment = _consign(run)
        if not request.dry_run:
            _hold_against_topics(run, consignment)
            _publish(run, consignment)
    return run.outcome


def _consign(run: _Replay) -> Consignment:
    """Read and judge the files, and put what is good of them in order."""
    mapping = read_mapping(run.request.columns) if run.request.columns else Columns()
    survey = _survey_transactions(run, mapping)
    labels = survey.labels
    if run.request.labels:
        labels = _survey_labels(run, run.request.labels, mapping)
    plan = _plan_labels(run, labels, survey.transactions) if labels else no_labels()
    if run.request.labels and not len(plan):
        raise DataError(no_label_of(run.request.labels, run.outcome.rejects[1], run.outcome.unused_labels))
    times = survey.transactions.column("timestamp")
    order = time_order(times)
    if order is not None:
        run.listener.say(
            f"the file is not in order of event time; its {len(times):,} transactions are sorted"
        )
        times = times[order]
    shift = int(time.time() * 1_000) - int(times[-1]) if run.request.shift_to_now else 0
    run.outcome.begins, run.outcome.ends = int(times[0]) + shift, int(times[-1]) + shift
    return Consignment(survey.transactions, order, times, plan, shift)


def _survey_transactions(run: _Replay, mapping: Columns) -> Survey:
    request, outcome = run.request, run.outcome
    source = open_source(request.transactions, mapping.file)
    delay, stem = None if request.labels else request.label_delay, stem_of(request.transactions)
    with run.rejects(stem, source.columns, source.place_name, source.name_place) as rejects:
        count = partial(run.listener.at, "reading transactions")
        survey = survey_transactions(source, mapping, _limits(run), delay, run.folder, rejects, count, stem)
    outcome.notes += survey.remarks.notes
    outcome.warnings += survey.remarks.sentences()
    outcome.good = len(survey.transactions)
    outcome.read = outcome.good + rejects.count
    if not outcome.good:
        raise DataError(no_transaction_of(request.transactions, rejects))
    return survey


def _limits(run: _Replay) -> Limits:
    admission = run.settings.admission
    if run.request.shift_to_now:
        return Limits(0, _ANY_TIME, admission.max_amount, max_amounts(admission))
    latest = int((time.time() + admission.clock_skew.total_seconds()) * 1_000)
    return Limits(admission.earliest, latest, admission.max_amount, max_amounts(admission))


def _survey_labels(run: _Replay, path: Path, mapping: Columns) -> Spool:
    own = mapping.of_labels()
    source = open_source(path, own.file)
    earliest, count = _limits(run).earliest, partial(run.listener.at, "reading labels")
    with run.rejects(stem_of(path), source.columns, source.place_name, source.name_place) as rejects:
        labels, remarks = survey_labels(source, own, run.folder, rejects, count, earliest)
    run.outcome.notes += [f"labels: {note}" for note in remarks.notes]
    return labels


def _plan_labels(run: _Replay, labels: Spool, transactions: Spool) -> LabelPlan:
    plan = plan_labels(labels, transactions, run.request.label_delay)
    name = f"{stem_of(run.request.labels or run.request.transactions)}-unused-labels"
    with run.rejects(name, LABEL_FIELDS, "row") as rejects:
        for reason, place, row in plan.unused_rows():
            run.outcome.unused_labels[reason] += 1
            rejects.add(place, reason, row)
    run.outcome.labels = len(plan)
    return plan


def _hold_against_topics(run: _Replay, consignment: Consignment) -> None:
    """See that the topics keep and take what is to be published.

    Raises:
        DataError: they would not.
    """
    settings, oldest = run.settings, run.outcome.begins
    if oldest < settings.admission.earliest:
        raise DataError(f"the file spans too many years: its first event would be at {oldest} ms")
    spans = {settings.topics.transactions: (oldest, run.outcome.ends)}
    if len(consignment.labels):
        first = int(consignment.labels.reported_at[0]) + consignment.shift
        # A report that is still to come is published with the time of now.
        first = min(first, int(time.time() * 1_000))
        spans[settings.topics.labels] = (first, first)
    for topic, (first, last) in spans.items():
        if run.request.keep_forever:
            keep_for_ever(settings, topic)
        require_retention(settings, topic, first, is_shifted=run.request.shift_to_now)
        for sentence in require_taken(settings, topic, first, last):
            run.listener.say(sentence)
    left = consignment.times[run.request.resume_from :]
    if len(left):
        span = Span(int(left[0]) + consignment.shift, int(left[-1]) + consignment.shift)
        require_not_behind(settings, settings.topics.transactions, span, is_shifted=run.request.shift_to_now)


def _publish(run: _Replay, consignment: Consignment) -> None:
    total, started = len(consignment) - run.request.resume_from, time.monotonic()
    sent = publish(
        run.settings,
        consignment,
        run.request.speed,
        run.request.resume_from,
        lambda done: run.listener.at("publishing", done, total),
    )
    run.outcome.sent, run.outcome.seconds = sent, time.monotonic() - started
