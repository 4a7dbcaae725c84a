"""Settings of the flows for a training that takes seconds."""

import json
from collections.abc import Iterator
from contextlib import contextmanager

import mlflow
import pytest

from fraud.machine.spark_environment import spark_environment
from fraud.settings import Settings, load_settings

SMALL = {
    "FRAUD_TRAINING__TRIALS": "1",
    "FRAUD_TRAINING__THREADS": "1",
    "FRAUD_TRAINING__LABEL_DELAY": "P2D",
    "FRAUD_TRAINING__TRAIN_DAYS": "14",
    "FRAUD_TRAINING__VALIDATION_DAYS": "5",
    "FRAUD_TRAINING__TEST_DAYS": "5",
    "FRAUD_TRAINING__SEARCH_FOLDS": "1",
    "FRAUD_SERVING__FEATURE_SAMPLE": "1",
    "FRAUD_REGISTRY__POLL_INTERVAL_S": "0.3",
    "FRAUD_SPARK__MASTER": "local[2]",
    "FRAUD_SPARK__DRIVER_MEMORY": "1g",
    "FRAUD_SPARK__CONF": json.dumps({"spark.sql.codegen.wholeStage": "false"}),
}


@contextmanager
def flow_settings(settings: Settings, monkeypatch: pytest.MonkeyPatch, **others: str) -> Iterator[Settings]:
    """Settings as flows, here and in a worker, read them from the environment, with `others`."""
    prefix = settings.serving.group_id.partition(".")[0]
    variables = SMALL | {
        "FRAUD_HOME": str(settings.home),
        "FRAUD_KAFKA__BOOTSTRAP_SERVERS": settings.kafka.bootstrap_servers,
        "FRAUD_KAFKA__RETENTION_DAYS": "-1",
        "FRAUD_REGISTRY__MODEL_NAME": f"detector-{prefix}",
        "FRAUD_SERVING__GROUP_ID": settings.serving.group_id,
        "FRAUD_SERVING__TRANSACTIONAL_ID": settings.serving.transactional_id,
        "FRAUD_SPARK__JAVA_HOME": spark_environment()["JAVA_HOME"],
        **{f"FRAUD_TOPICS__{name.upper()}": topic for name, topic in settings.topics.model_dump().items()},
    }
    for name, value in (variables | others).items():
        monkeypatch.setenv(name, value)
    yield load_settings()
    mlflow.end_run()
