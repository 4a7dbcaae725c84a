"""The scoring engine as a flow: it runs until it is cancelled, also while the Prefect server is down."""

import logging
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from prefect import flow

from flows.entry import run_flow
from flows.runs import run_name
from fraud.settings import load_settings
from serving.ops.shutdown import forced_exit
from serving.run import run


@flow(name="serve", flow_run_name=run_name, retries=0, persist_result=False)
def serve() -> None:
    """Score every transaction until SIGTERM or SIGINT, then drain."""
    logging.getLogger("serving").setLevel(logging.INFO)
    settings = load_settings()
    with _stopped_by_signals() as stop, forced_exit(stop, settings.serving.drain_timeout_s):
        run(settings, stop)


@contextmanager
def _stopped_by_signals() -> Iterator[threading.Event]:
    """An event that SIGTERM and SIGINT set; off the main thread it installs no handlers."""
    stop = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return

    def end(_signal: int, _frame: FrameType | None) -> None:
        stop.set()

    before = {number: signal.signal(number, end) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


if __name__ == "__main__":
    run_flow(serve)
