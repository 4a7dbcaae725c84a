"""Processes that measure beside each other."""

from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import active_children
from multiprocessing.context import BaseContext


@contextmanager
def process_pool(processes: int, context: BaseContext | None = None) -> Iterator[ProcessPoolExecutor]:
    """A pool that an exception ends, such as that of Ctrl-C or SIGTERM: an executor waits for its tasks."""
    pool = ProcessPoolExecutor(processes, mp_context=context)
    try:
        yield pool
    except BaseException:
        for one in active_children():
            one.terminate()
        raise
    finally:
        pool.shutdown(cancel_futures=True)
