"""Running the engine: in this process, or as several."""

import gc
import json
import logging
import os
import socket
import threading
from functools import partial
from pathlib import Path

from fraud.kafka.permissions import transactional_prefix
from fraud.settings import Settings
from serving.engine import Engine
from serving.ops.access_check import require_permissions
from serving.ops.health import StatusServer
from serving.ops.metrics import Metrics
from serving.ops.shutdown import StoppedError, call_unless_stopped
from serving.ops.topic_check import check_topic_settings
from serving.ops.worker_index import claim_worker_index

log = logging.getLogger(__name__)

_OBJECTS_BETWEEN_LOOKS = 200_000


def run(settings: Settings, stop: threading.Event) -> None:
    """Score until `stop` is set, then drain and return.

    Raises:
        UnreachableError: Kafka, or one of its topics, is not there, or was not when it had to drain.
        RefusedError: Kafka does not let serving in, or not do its work.
    """
    try:
        _run(settings, stop)
    except StoppedError:
        log.info("told to stop before scoring began; nothing was read and nothing is left to commit")


def _run(settings: Settings, stop: threading.Event) -> None:
    # First of all: the clients of the engine would wait for a broker without end.
    call_unless_stopped(stop, partial(require_permissions, settings))
    folder = settings.home / "serving"
    with claim_worker_index(folder) as slot:
        metrics = Metrics()
        call_unless_stopped(stop, partial(check_topic_settings, settings, metrics))
        engine = Engine(settings, transactional_id(settings, slot), metrics, stop)
        port = settings.serving.http_port
        server = StatusServer(settings.serving.http_host, port and port + slot, engine, metrics)
        try:
            _tell_address(folder / f"worker-{slot}.json", settings.serving.http_host, server.port)
            tune_garbage_collector()
            engine.run(stop)
        finally:
            server.close()


def tune_garbage_collector() -> None:
    """Let it look seldom, and not at what is imported and built by now, which stays.

    A micro-batch makes thousands of objects that live until its commit and have no cycles. Looking through
    them every 700 objects, as is usual, took a seventh of the scoring.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_OBJECTS_BETWEEN_LOOKS, *gc.get_threshold()[1:])


def transactional_id(settings: Settings, slot: int) -> str:
    """Unique among living workers and the same again after a restart."""
    return f"{transactional_prefix(settings)}{socket.gethostname()}-{slot}"


def _tell_address(file: Path, host: str, port: int) -> None:
    draft = file.with_suffix(".draft")
    draft.write_text(json.dumps({"pid": os.getpid(), "url": f"http://{host}:{port}"}))
    draft.replace(file)
    log.info("status at http://%s:%d (/live, /ready, /metrics)", host, port)
