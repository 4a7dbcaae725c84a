"""Commit, abort and resolve transactions, each on a thread of its own.

Each of Kafka's calls may block for seconds, and `send_offsets_to_transaction` indefinitely (librdkafka, issue
5456). The engine's thread starts a call here and reads the transaction's state later.
"""

import logging
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial
from typing import Any, TypeVar

from confluent_kafka import KafkaError, KafkaException, TopicPartition

from fraud.kafka.errors import permission_error
from fraud.kafka.retry import is_retriable, retry_call
from fraud.settings import Settings
from serving.delivery.clients import TransactionClients
from serving.delivery.offset_metadata import last_offsets
from serving.delivery.protocol import PositionsMovedError, was_committed
from serving.delivery.transaction_state import OutboxTransaction, TransactionState
from serving.ops.metrics import Metrics

log = logging.getLogger(__name__)

CALL_TIMEOUT_S = 5.0
"""Of one call to Kafka, which is repeated while its error is retriable."""
PAUSE_S = 0.2
"""Between two calls."""
_FLUSH_S = 1.0
"""Until messages are in the log; what takes longer is left to the commit."""
HUNG_AFTER_S = 15.0
_REBALANCES = frozenset({KafkaError.ILLEGAL_GENERATION, KafkaError.REBALANCE_IN_PROGRESS})
"""A commit that met a rebalance; asking for permissions then would keep its results back for nothing."""

_Result = TypeVar("_Result")


class _AbandonedError(Exception):
    """Another thread resolves this transaction."""


class TransactionRunner:
    """Opens and ends the transactions of one worker."""

    def __init__(self, settings: Settings, metrics: Metrics, clients: TransactionClients) -> None:
        self._settings = settings
        self._metrics = metrics
        self._clients = clients

    def open(self, transactional_id: str) -> OutboxTransaction:
        """A READY transaction, after Kafka has ended what an earlier process left open under the same id.

        Raises:
            RefusedError: a permission is missing.
        """
        transaction = OutboxTransaction(transactional_id, None)
        transaction.producer = self._new_producer(transaction)
        return transaction

    def commit(self, transaction: OutboxTransaction, group: Any, timer: AbstractContextManager[Any]) -> None:
        """Start to commit an OPEN transaction with the consumer's group metadata; `timer` measures it."""
        transaction.move_to(TransactionState.COMMITTING)
        self._start(transaction, partial(self._commit, group=group, timer=timer))

    def abort(self, transaction: OutboxTransaction) -> None:
        """Start to abort a transaction that is OPEN or has an ABORTABLE_ERROR."""
        was_refused = transaction.state is TransactionState.ABORTABLE_ERROR
        transaction.move_to(TransactionState.ABORTING)
        self._start(transaction, partial(self._abort, may_be_permissions=was_refused))

    def resolve(self, hung: OutboxTransaction) -> OutboxTransaction:
        """Start to find the outcome of a transaction whose thread hangs; returns what replaces it."""
        replacement = hung.replacement()
        self._start(replacement, self._resolve)
        return replacement

    def _start(self, transaction: OutboxTransaction, step: Callable[[OutboxTransaction], None]) -> None:
        thread = threading.Thread(target=self._run, args=(transaction, step), name="commit", daemon=True)
        transaction.run(thread, HUNG_AFTER_S)

    def _run(self, transaction: OutboxTransaction, step: Callable[[OutboxTransaction], None]) -> None:
        """The thread: take the step, and resolve the outcome if that leaves it unknown."""
        try:
            try:
                step(transaction)
            except KafkaException as error:
                log.warning("the outcome of a transaction is unknown: %s", describe_error(error))
                transaction.move_to(TransactionState.RESOLVING)
                self._resolve(transaction)
        except _AbandonedError:
            log.warning("the call of an abandoned transaction has returned")
        except Exception as error:
            transaction.fail(error)

    def _commit(self, transaction: OutboxTransaction, group: Any, timer: AbstractContextManager[Any]) -> None:
        """Steps 4 and 5 of a commit (`ExactlyOnce._start_commit` has the others)."""
        offsets = last_offsets(self._settings.topics.transactions, transaction.batches)
        producer = transaction.producer
        with timer:
            try:
                # 4. The positions become part of the transaction; a fenced member is refused here.
                send_offsets = partial(producer.send_offsets_to_transaction, offsets, group, CALL_TIMEOUT_S)
                self._retry(transaction, send_offsets)
                if not producer.flush(_FLUSH_S):
                    transaction.is_written.set()
                # 5. All of it becomes visible at once.
                self._retry(transaction, partial(producer.commit_transaction, CALL_TIMEOUT_S))
            except KafkaException as error:
                if not error.args[0].txn_requires_abort():
                    raise
                log.warning(
                    "the commit failed (%s); the transaction is aborted and sent again", describe_error(error)
                )
                may_be_permissions = error.args[0].code() not in _REBALANCES
            else:
                transaction.move_to(TransactionState.COMMITTED)
                return
        transaction.move_to(TransactionState.ABORTING)
        self._abort(transaction, may_be_permissions=may_be_permissions)

    def _abort(self, transaction: OutboxTransaction, *, may_be_permissions: bool) -> None:
        self._metrics.delivery.aborts.inc()
        self._retry(transaction, partial(transaction.producer.abort_transaction, CALL_TIMEOUT_S))
        if may_be_permissions:
            self._clients.recheck_permissions()
        transaction.move_to(TransactionState.ABORTED)

    def _resolve(self, transaction: OutboxTransaction) -> None:
        """Find out whether a transaction was committed.

        A new producer of the same transactional.id makes the coordinator finish what was being committed and
        abort what was not. After that the group's committed offsets are final.
        """
        self._metrics.delivery.producers_replaced.inc()
        transaction.producer = self._new_producer(transaction)
        self._clients.recheck_permissions()
        try:
            is_committed = bool(transaction.batches) and was_committed(
                transaction.batches, self._committed_offsets(transaction)
            )
        except PositionsMovedError as error:
            transaction.error, is_committed = error, False
        log.warning("the transaction in doubt was %s", "committed" if is_committed else "not committed")
        transaction.move_to(TransactionState.COMMITTED if is_committed else TransactionState.ABORTED)

    def _committed_offsets(self, transaction: OutboxTransaction) -> list[TopicPartition]:
        topic = self._settings.topics.transactions
        partitions = sorted({batch.partition for batch in transaction.batches})
        wanted = [TopicPartition(topic, partition) for partition in partitions]
        reader = self._clients.make_offset_reader()
        try:
            return list(self._retry(transaction, partial(reader.committed, wanted, CALL_TIMEOUT_S)))
        finally:
            reader.close()

    def _new_producer(self, transaction: OutboxTransaction) -> Any:
        """An initialized producer; waits for Kafka as long as that takes."""

        def initialize() -> Any:
            producer = self._clients.make_producer(transaction.transactional_id)
            try:
                self._retry(transaction, partial(producer.init_transactions, CALL_TIMEOUT_S))
            except BaseException:
                # The error would keep it alive, and librdkafka would go on logging that it is refused.
                producer.close()
                raise
            return producer

        def should_retry(error: KafkaError) -> bool:
            doing = f"transactions as {transaction.transactional_id!r}"
            refused = permission_error(self._settings.kafka, error, doing)
            if refused is not None:
                raise refused
            log.warning("no transactional producer yet: %s: %s", error.name(), error.str())
            return bool(error.code() != KafkaError._INVALID_ARG)

        return retry_call(initialize, should_retry, pause_s=PAUSE_S)

    def _retry(self, transaction: OutboxTransaction, call: Callable[[], _Result]) -> _Result:
        """Call again while Kafka asks for that, until it succeeds or the transaction is abandoned."""

        def call_unless_abandoned() -> _Result:
            try:
                return call()
            finally:
                if transaction.is_abandoned.is_set():
                    raise _AbandonedError

        def should_retry(error: KafkaError) -> bool:
            if is_retriable(error):
                log.info("Kafka asks to try again: %s: %s", error.name(), error.str())
            return is_retriable(error)

        return retry_call(call_unless_abandoned, should_retry, pause_s=PAUSE_S)


def describe_error(error: KafkaException) -> str:
    """The name and the text of Kafka's error."""
    return f"{error.args[0].name()}: {error.args[0].str()}"
