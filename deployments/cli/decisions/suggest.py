"""`fraud policy suggest`: a policy to start from."""

from typing import TYPE_CHECKING, Annotated

import typer

from deployments.cli.decisions.options import now_ms
from fraud.errors import ConfigurationError
from fraud.settings import Settings, load_settings

if TYPE_CHECKING:
    from fraud.decisions.suggestion import DeclineBound

_Model = Annotated[str | None, typer.Option(metavar="VERSION", help="Of the model; default: the champion.")]
_Precision = Annotated[
    float | None,
    typer.Option(min=0.0, max=1.0, help="Also decline, from where so large a share was fraud."),
]
_Days = Annotated[int, typer.Option(min=1, max=3_650, help="Days of logged payments, up to the newest.")]


def suggest(model: _Model = None, decline_precision: _Precision = None, days: _Days = 30) -> None:
    """Print a policy with bands by a model's threshold, and by the precision of what was scored."""
    from fraud.decisions.suggestion import suggest_policy
    from fraud.registry.aliases import load_alias
    from fraud.registry.versions import fetch_bundle

    settings = load_settings()
    bundle = fetch_bundle(settings, model) if model else load_alias(settings)
    if bundle is None:
        raise ConfigurationError("there is no champion; train a model, or name one with --model VERSION")
    decline = None if decline_precision is None else _decline_bound(settings, decline_precision, days)
    typer.echo(suggest_policy(bundle, decline), nl=False)


def _decline_bound(settings: Settings, precision: float, days: int) -> "DeclineBound | None":
    from fraud.decisions.suggestion import find_decline_bound
    from fraud.decisions.whatif.run import NamedValues, load_inputs

    history = load_inputs(settings, NamedValues((), ()), days, now_ms()).history
    known = history.labels.weights > 0
    weights = history.labels.weights[known]
    found = find_decline_bound(history.logged.scores[known], history.fraud[known], weights, precision)
    if found is None:
        typer.echo(f"no bound has a precision of {precision:g}: nothing is declined", err=True)
    return found
