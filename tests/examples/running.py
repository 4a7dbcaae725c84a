"""An example's payments from its files to the kernel's features, without Kafka."""

import os
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from fraud.definitions.definitions import Definitions
from fraud.definitions.loading import load_definitions
from fraud.features.events import Events, encode_transactions
from fraud.features.store import CardStore
from fraud.messages.admission import AdmissionFilter, Admitted
from fraud.settings import AdmissionSettings, Settings
from producer.replay.tables import Files, Tables, read_tables
from producer.wire import OutgoingMessages, transaction_messages

EXAMPLES = Path(__file__).parents[2] / "examples"
DATA = os.environ.get("EXAMPLE_DATA")
"""A folder with the public data sets (handbook-2018, sparkov-2021), for those who have them."""

FILES = {
    "acquirer": ("payments.jsonl", None),
    "baf": ("transactions.csv", None),
    "banksim": ("transactions.csv", None),
    "card-stream": ("payments.csv", None),
    "handbook": ("transactions.csv", "labels.csv"),
    "ieee-cis": ("transactions.csv", None),
    "paysim": ("transactions.csv", None),
    "sparkov": ("transactions.csv", "labels.csv"),
    "tabformer": ("transactions.csv", None),
    "ulb": ("transactions.csv", None),
}
"""Each example's payments and labels; without the latter the payments have a column of them."""


@dataclass(frozen=True)
class Example:
    """A folder of examples/."""

    name: str

    @property
    def folder(self) -> Path:
        return EXAMPLES / self.name

    @property
    def definitions_file(self) -> Path:
        return self.folder / "definitions.yaml"

    @property
    def definitions(self) -> Definitions:
        return load_definitions(self.definitions_file)

    def files(self, data: Path | None = None) -> Files:
        """Its own files, or those of the same layout in another folder (Parquet)."""
        mapping = self.folder / "mapping.yaml"
        if data is not None:
            return Files(data / "transactions.parquet", data / "labels.parquet", mapping)
        payments, labels = FILES[self.name]
        return Files(self.folder / payments, self.folder / labels if labels else None, mapping)

    def settings(self, home: Path) -> Settings:
        return Settings(home=home, definitions=self.definitions_file)

    def tables(self, home: Path, data: Path | None = None) -> Tables:
        return read_tables(self.settings(home), self.files(data), lambda *_: None)


def admitted(definitions: Definitions, messages: OutgoingMessages) -> list[Admitted]:
    """What admission makes of messages; each must be a payment."""
    admission = AdmissionFilter(definitions, AdmissionSettings())
    found = []
    for value, time in zip(messages.values, messages.timestamps, strict=True):
        validated = admission.validate(value, time)
        assert isinstance(validated, Admitted), validated
        found.append(validated)
    return found


def events_of(definitions: Definitions, transactions: pa.Table) -> Events:
    """The payments as the kernel takes them, by way of their messages."""
    messages = transaction_messages(definitions, transactions)
    return encode_transactions(definitions, admitted(definitions, messages))


def kernel_rows(definitions: Definitions, transactions: pa.Table) -> npt.NDArray[np.float32]:
    """The kernel's features of payments, in their order."""
    rows, _ = CardStore(definitions).process(events_of(definitions, transactions))
    return rows


@cache
def features_by_id(example: Example, home: Path) -> dict[str, dict[str, float]]:
    """The kernel's features of each payment of an example, by its transaction_id."""
    transactions = example.tables(home).transactions
    rows = kernel_rows(example.definitions, transactions)
    names = [feature.name for feature in example.definitions.kernel_features]
    ids = transactions["transaction_id"].to_pylist()
    return {one: dict(zip(names, row, strict=True)) for one, row in zip(ids, rows.tolist(), strict=True)}
