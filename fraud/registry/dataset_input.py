"""The training rows as a data set of MLflow: where they are and what they are, without a copy of them."""

import json
import warnings

from mlflow.data.dataset_source_registry import resolve_dataset_source
from mlflow.data.meta_dataset import MetaDataset
from mlflow.types import ColSpec, DataType, Schema

from fraud.preprocess.days import features_dataset
from fraud.settings import Settings
from fraud.training.history import History


class LakeDataset(MetaDataset):  # type: ignore[misc]
    """A range of the lake's training rows; `profile` has its numbers of rows and frauds."""

    def __init__(self, settings: Settings, history: History) -> None:
        with warnings.catch_warnings():
            # MLflow knows local files by two equal classes and warns that it takes the first.
            warnings.simplefilter("ignore", UserWarning)
            source = resolve_dataset_source(
                f"{settings.lake_url}/{features_dataset(settings.loaded_definitions)}"
            )
        self._rows = {"num_rows": len(history.data), "num_frauds": history.data.frauds}
        super().__init__(
            source,
            name=f"training rows {history.period}",
            digest=history.data.fingerprint()[:16],
            schema=Schema([ColSpec(DataType.float, name) for name in history.data.feature_names]),
        )

    def to_dict(self) -> dict[str, str]:
        """What MLflow records of the data set."""
        described: dict[str, str] = super().to_dict()
        return described | {"profile": json.dumps(self._rows)}
