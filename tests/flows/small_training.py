"""Settings of the flows for a training that takes seconds."""

import json

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
