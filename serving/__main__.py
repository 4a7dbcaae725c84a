"""`python -m serving`: the engine as bare processes."""

import logging
import signal
import sys
import threading
from types import FrameType
from typing import Annotated

import typer

from fraud.errors import FraudError
from fraud.machine.ending import end_in_order
from fraud.machine.private_files import keep_private
from fraud.machine.terminal import log_to_stderr, shown_error
from fraud.settings import Settings, load_settings
from serving.ops.shutdown import StoppedError, forced_exit
from serving.ops.workers import run_workers, stop_with_parent
from serving.ops.xgboost_import import import_xgboost

log = logging.getLogger(__name__)

_STOPPED = 128 + signal.SIGTERM


def main(
    workers: Annotated[
        int, typer.Option(min=1, help="Processes; one each for up to as many partitions.")
    ] = 1,
    warm_up: Annotated[
        bool, typer.Option("--warm-up", help="Write the state of these definitions beside a group, then end.")
    ] = False,
    debug: Annotated[bool, typer.Option(help="Show the traceback of an error.")] = False,
    with_parent: Annotated[bool, typer.Option("--with-parent", help="End when standard input does.")] = False,
) -> None:
    """Score every transaction until SIGTERM or SIGINT, then drain."""
    end_in_order()
    keep_private()
    log_to_stderr()
    logging.getLogger("alembic").setLevel(logging.WARNING)
    stop = threading.Event()

    def on_signal(_signal: int, _frame: FrameType | None) -> None:
        stop.set()

    signal.signal(signal.SIGTERM, on_signal)
    signal.signal(signal.SIGINT, on_signal)
    if with_parent:
        stop_with_parent(stop)
    try:
        settings = load_settings()
        # Before anything is connected: a mistake in the file is the user's to fix.
        log.debug("definitions of %s", settings.loaded_definitions.source)
        if warm_up:
            _warm_up(settings, stop)
        elif workers == 1:
            import_xgboost()
            from serving.run import run

            with forced_exit(stop, settings.serving.drain_timeout_s):
                run(settings, stop)
        else:
            run_workers(settings, workers, stop)
    except FraudError as error:
        if debug:
            raise
        typer.echo(f"error: {shown_error(error)}", err=True)
        sys.exit(error.exit_code)


def _warm_up(settings: Settings, stop: threading.Event) -> None:
    from serving.state.warm_up import warm_up

    try:
        warm_up(settings, stop)
    except StoppedError:
        log.info("stopped before everything was warmed up; what was written is used all the same")
        sys.exit(_STOPPED)


if __name__ == "__main__":
    typer.run(main)
