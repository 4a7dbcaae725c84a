"""`python -m tests.faults.harness.ingesting`: ingest labels in a loop, until the process is killed."""

from fraud.ingest.partition import ingest_partition, sources
from fraud.kafka.permission_checks import require_topic
from fraud.lake import open_lake
from fraud.settings import Settings, load_settings

PROGRAM = ("-m", "tests.faults.harness.ingesting")


def ingest_labels(settings: Settings) -> int:
    """One run over every partition of the labels; returns how many commits it made."""
    (labels,) = (source for source in sources(settings) if source.dataset == "labels")
    lake = open_lake(settings)
    partitions = range(require_topic(settings, labels.topic))
    return sum(len(ingest_partition(settings, lake, labels, number)) for number in partitions)


if __name__ == "__main__":
    while True:
        ingest_labels(load_settings())
