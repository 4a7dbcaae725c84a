"""Whether a registered candidate becomes the champion: the contest, and the move of the alias."""

from typing import Literal

from fraud.errors import IncompatibleModelError
from fraud.modelling.bundle import ModelBundle, describe
from fraud.modelling.dataset import Dataset
from fraud.modelling.gate import Contender, Verdict, decide, without_champion
from fraud.modelling.splits import Period, Split
from fraud.registry import CHAMPION, keep_back, load_bundle, promote, version_of_alias
from fraud.settings import Settings

Promotion = Literal["auto", "never", "always"]


def champion_of(settings: Settings) -> ModelBundle | str:
    """The champion, or in words why there is none to compare with.

    Raises:
        UnreachableError: MLflow does not answer.
    """
    version = version_of_alias(settings)
    if version is None:
        return "there is no champion yet"
    try:
        return load_bundle(settings, version)
    except IncompatibleModelError as error:
        return f"the champion cannot serve ({error})"


def contest(
    settings: Settings, data: Dataset, split: Split, candidate: ModelBundle, promotion: Promotion = "auto"
) -> Verdict:
    """Judge the candidate against the champion on the test rows that neither has learnt from.

    Raises:
        UnreachableError: MLflow does not answer.
    """
    if promotion == "never":
        return Verdict(False, "not promoted, because promotion was switched off for this run")
    if promotion == "always":
        return Verdict(True, "promoted, because this run was told to promote always")
    champion = champion_of(settings)
    if isinstance(champion, str):
        return without_champion(champion)
    learnt_until = int(champion.metadata.train_end.timestamp() * 1_000)
    window = data.between(Period(max(split.test.start, learnt_until), max(split.test.end, learnt_until)))
    return decide(
        window,
        _contender(champion, window),
        _contender(candidate, window),
        review_cost=settings.training.review_cost,
        seed=settings.training.seed,
    )


def carry_out(settings: Settings, version: str, verdict: Verdict) -> None:
    """Move the alias if the verdict says so; the registry keeps the reason either way.

    Raises:
        IncompatibleModelError: the registered artifact does not pass; the champion stays.
        UnreachableError: MLflow does not answer.
    """
    if verdict.promote:
        promote(settings, version, verdict.reason, CHAMPION)
    else:
        keep_back(settings, version, verdict.reason)


def _contender(bundle: ModelBundle, window: Dataset) -> Contender:
    name = describe(bundle) if bundle.version else "the candidate"
    return Contender(name, bundle.score(window.rows), bundle.threshold)
