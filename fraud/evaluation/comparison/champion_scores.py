"""The champion's scores of test rows: computed again, or as its predictions were logged."""

from fraud.errors import FraudError
from fraud.evaluation.comparison.champion import Champion
from fraud.evaluation.comparison.figures import ComparedModel
from fraud.evaluation.comparison.logged_scores import on_logged_rows, read_logged_scores
from fraud.evaluation.comparison.rules import LEAST_FRAUDS
from fraud.registry.bundle import describe
from fraud.settings import Settings
from fraud.training.dataset import Dataset
from fraud.training.splits import TimeRange


def score_champion(
    settings: Settings, data: Dataset, period: TimeRange, champion: Champion
) -> tuple[Dataset, ComparedModel] | str:
    """The rows of the period that the champion has scores of, and these; or the reason why there are none."""
    window = data.between(period)
    if champion.bundle is None:
        return _as_logged(settings, window, period, champion)
    rows = champion.bundle.select(settings.loaded_definitions, window.rows)
    return window, ComparedModel(
        describe(champion.bundle), champion.bundle.score(rows), champion.bundle.threshold
    )


def _as_logged(
    settings: Settings, window: Dataset, period: TimeRange, champion: Champion
) -> tuple[Dataset, ComparedModel] | str:
    try:
        logged = read_logged_scores(settings, champion.version, period, champion.digest)
    except FraudError as error:
        return f"{champion.fault}, and its logged scores cannot be read ({error})"
    rows, scores = on_logged_rows(window, logged)
    if rows.frauds < LEAST_FRAUDS:
        return (
            f"{champion.fault}, and it logged scores of only {len(rows)} of the {len(window)} payments of "
            f"{period} in {settings.topics.predictions!r}, {rows.frauds} of them fraud "
            f"({LEAST_FRAUDS} are needed)"
        )
    return rows, ComparedModel(f"version {champion.version} as it answered", scores, logged.threshold)
