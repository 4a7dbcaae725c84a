"""Run one engine in this process: what `python -m serving` and the serving flow call."""

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
from serving.ops.health import HealthServer
from serving.ops.metrics import Metrics
from serving.ops.permission_check import require_permissions
from serving.ops.shutdown import StoppedError, call_unless_stopped
from serving.ops.topic_warnings import check_topic_settings
from serving.ops.worker_index import claim_worker_index

log = logging.getLogger(__name__)

_OBJECTS_BETWEEN_COLLECTIONS = 200_000


def run(settings: Settings, stop: threading.Event) -> None:
    """Score until `stop` is set, then drain and return.

    Raises:
        UnreachableError: Kafka does not answer, a topic is missing, or draining took too long.
        RefusedError: Kafka rejects the credentials, or a permission is missing.
        UntrustedModelError: nobody who has a key promoted the only champion there is.
    """
    try:
        _run(settings, stop)
    except StoppedError:
        log.info("stopped before scoring started; nothing was read and nothing is left to commit")


def _run(settings: Settings, stop: threading.Event) -> None:
    # First, since the clients of the engine wait for a broker without a limit.
    call_unless_stopped(stop, partial(require_permissions, settings))
    folder = settings.home / "serving"
    with claim_worker_index(folder) as index:
        metrics = Metrics()
        call_unless_stopped(stop, partial(check_topic_settings, settings, metrics))
        engine = Engine(settings, transactional_id(settings, index), metrics, stop)
        port = settings.serving.http_port
        server = HealthServer(settings.serving.http_host, port and port + index, engine, metrics)
        try:
            definitions = settings.loaded_definitions
            log.info("definitions %s of %s", definitions.tag, definitions.source)
            _write_address(folder / f"worker-{index}.json", settings.serving.http_host, server.port)
            tune_garbage_collector()
            engine.run(stop)
        finally:
            server.close()


def tune_garbage_collector() -> None:
    """Collect seldom, and exempt the objects that exist by now, which stay.

    A micro-batch makes thousands of objects that live until its commit and have no cycles. Traversing them
    every 700 objects, which is Python's default, took a seventh of the scoring.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_OBJECTS_BETWEEN_COLLECTIONS, *gc.get_threshold()[1:])


def transactional_id(settings: Settings, worker_index: int) -> str:
    """Unique among running workers, and the same again after a restart."""
    return f"{transactional_prefix(settings)}{socket.gethostname()}-{worker_index}"


def _write_address(file: Path, host: str, port: int) -> None:
    draft = file.with_suffix(".draft")
    draft.write_text(json.dumps({"pid": os.getpid(), "url": f"http://{host}:{port}"}))
    draft.replace(file)
    log.info("status at http://%s:%d (/live, /ready, /metrics)", host, port)
