"""`fraud definitions`: check, show, compare and start the file that says what a payment is."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.text import Text

from deployments.cli.definitions.pages import change_page, definitions_page
from fraud.definitions.comparison import MEANING, DefinitionsChange, compare
from fraud.definitions.definitions import Definitions
from fraud.definitions.loading import DEFAULT_FILE, SHIPPED, load_definitions
from fraud.definitions.schema import SCHEMA_FILE
from fraud.errors import ConfigurationError, DefinitionsError
from fraud.machine.console import Console
from fraud.machine.printing import print_json
from fraud.machine.terminal import shown
from fraud.settings import load_settings

app = typer.Typer(add_completion=False, no_args_is_help=True)

_File = Annotated[
    Path | None, typer.Argument(help="A definitions file; default: the one of FRAUD_DEFINITIONS, or v1.yaml.")
]
_AsJson = Annotated[bool, typer.Option("--json", help="For machines to read.")]


@app.command()
def check(file: _File = None, as_json: _AsJson = False) -> None:
    """Say whether a file can be used; every mistake with its line and what to do."""
    try:
        found = _load(file)
    except DefinitionsError as error:
        if not as_json:
            raise
        print_json({"problems": error.problems})
        raise typer.Exit(error.exit_code) from None
    if as_json:
        print_json(_summary(found) | {"problems": []})
    else:
        Console(highlight=False).print(Text(_sentence(found)))


@app.command()
def show(
    file: _File = None,
    cost: Annotated[bool, typer.Option(help="Measure what the features cost, in a few seconds.")] = True,
    as_json: _AsJson = False,
) -> None:
    """Show fields and features: unit, bounds, window, text, hash, and the cost."""
    from fraud.features.cost import measure_cost

    found = _load(file)
    measured = measure_cost(found) if cost else None
    if as_json:
        print_json(_document(found) | ({"cost": asdict(measured)} if measured else {}))
    else:
        Console(highlight=False).print(definitions_page(found, measured))


@app.command()
def diff(
    old: Annotated[Path, typer.Argument(help="The definitions before.")],
    new: Annotated[
        Path | None,
        typer.Argument(help="The ones after; if it is left out, OLD is after and what runs is before."),
    ] = None,
    as_json: _AsJson = False,
) -> None:
    """Show what a change means for models, state and lake."""
    before, after = (_load(None), _load(old)) if new is None else (_load(old), _load(new))
    change = compare(before, after)
    if as_json:
        print_json(_change_document(change))
    else:
        Console(highlight=False).print(change_page(before, after, change))


@app.command()
def init(
    file: Annotated[Path, typer.Argument(help="Where the definitions go.")] = Path("definitions.yaml"),
    source: Annotated[
        Path | None,
        typer.Option("--from", help="A file of transactions, a folder of part files, or a pattern."),
    ] = None,
    mapping: Annotated[Path, typer.Option(help="With --from: where the mapping goes.")] = Path(
        "mapping.yaml"
    ),
    v1: Annotated[bool, typer.Option("--v1", help="A copy of what runs without a file of yours.")] = False,
) -> None:
    """Start a definitions file: a copy of default.yaml, or one for the columns of your own data."""
    if v1 and source is not None:
        raise ConfigurationError("--v1 and --from both say what to start with; give one of them")
    for path in (file, *([mapping] if source else [])):
        if path.exists():
            raise ConfigurationError(f"{path} exists already; name another file, or remove it first")
    if source is None:
        shipped = SHIPPED if v1 else DEFAULT_FILE
        _write(file, shipped.read_text(encoding="utf-8"))
        _say(f"{file} is a copy of the shipped {shipped.name}; set FRAUD_DEFINITIONS={file} to use it")
        return
    from producer.inspection.definitions_proposal import propose_definitions

    proposal = propose_definitions(load_settings().admission, source)
    _write(file, proposal.definitions)
    mapping.write_text(proposal.mapping, encoding="utf-8")
    found = load_definitions(file)
    _say(f"{_sentence(found)}; {mapping} says from which columns")
    for note in proposal.notes:
        _say(f"· {note}")


def _write(file: Path, text: str) -> None:
    """The file, with its schema beside it for editors."""
    file.write_text(text, encoding="utf-8")
    schema = file.with_name(SCHEMA_FILE.name)
    if not schema.exists():
        schema.write_text(SCHEMA_FILE.read_text(encoding="utf-8"), encoding="utf-8")


def _load(file: Path | None) -> Definitions:
    return load_settings().loaded_definitions if file is None else load_definitions(file)


def _say(text: str) -> None:
    Console(highlight=False).print(Text(shown(text)))


def _sentence(found: Definitions) -> str:
    return (
        f"{found.source}: {len(found.fields)} fields, {len(found.features)} features "
        f"({len(found.kernel_features)} of the kernel), tag {found.tag}"
    )


def _summary(found: Definitions) -> dict[str, Any]:
    return {
        "source": found.source,
        "tag": found.tag,
        "digest": found.digest,
        "state_digest": found.state_digest,
        "fields": len(found.fields),
        "features": len(found.features),
    }


def _document(found: Definitions) -> dict[str, Any]:
    features = [
        asdict(one)
        | {"kind": one.kind.name.lower(), "operation": one.operation.value, "unit": one.unit}
        | {"lowest": one.kind.lowest, "highest": one.kind.highest}
        | {"where": [asdict(term) | {"test": term.test.value} for term in one.where]}
        for one in found.features
    ]
    fields = [asdict(one) | {"type": one.type.value} for one in found.fields]
    return _summary(found) | {"fields": _finite(fields), "features": _finite(features)}


def _finite(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Without bounds that are infinite, which JSON cannot say."""
    infinite = (float("inf"), float("-inf"))
    return [{name: None if value in infinite else value for name, value in row.items()} for row in rows]


def _change_document(change: DefinitionsChange) -> dict[str, Any]:
    document = asdict(change)
    for one in document["features"]:
        one["meaning"] = MEANING[one["change"]]
    return document
