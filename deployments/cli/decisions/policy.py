"""`fraud policy`: what decides payments, checked, proposed, approved, made live and rolled back."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from deployments.cli.decisions.backtest import backtest
from deployments.cli.decisions.options import As, AsJson, for_output, person
from deployments.cli.decisions.sign import sign
from deployments.cli.decisions.suggest import suggest
from fraud.errors import ConfigurationError, PolicyError
from fraud.machine.console import Console
from fraud.machine.terminal import shown
from fraud.settings import Settings, load_settings

if TYPE_CHECKING:
    from fraud.decisions.log.publishing import PolicyProposal
    from fraud.decisions.log.state import PolicyState, PolicyVersion
    from fraud.decisions.policy import Policy


def policy() -> None:
    """The command `fraud policy`; `deployments.cli.commands` has its summary."""


app = typer.Typer(callback=policy, no_args_is_help=True, add_completion=False)
app.command()(backtest)
app.command()(suggest)
app.command()(sign)

_File = Annotated[Path, typer.Argument(metavar="FILE", help="A policy.yaml.")]
_Version = Annotated[int, typer.Argument(metavar="VERSION", min=1, help="As `fraud policy show` lists it.")]
_Aliased = Annotated[str, typer.Argument(metavar="VERSION", help="A number, or none.")]
_Note = Annotated[str, typer.Option(help="Why; kept in the log.")]
_Override = Annotated[
    str,
    typer.Option(
        "--override-declines",
        metavar="REASON",
        help="Propose it although it declines more of yesterday's payments than it allows.",
    ),
]


@app.command()
def show(
    version: Annotated[
        str | None, typer.Argument(metavar="[VERSION]", help="A number, live or shadow.")
    ] = None,
    text: Annotated[bool, typer.Option("--text", help="The YAML, as it was proposed.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show what is live and all versions, or one version: its lists, rules and bands."""
    from deployments.cli.decisions.pages import state_page, version_document, version_page
    from fraud.decisions.log.reading import read_policies
    from fraud.machine.printing import print_json

    settings = load_settings()
    state = read_policies(settings)
    console = Console(highlight=False)
    if version is None:
        if as_json:
            print_json([version_document(one, state) for one in state.versions])
        else:
            console.print(state_page(state))
        return
    one = _version_of(state, version)
    if one is None or text:
        typer.echo(for_output(one.text if one else _default(settings).text), nl=False)
    elif as_json:
        print_json(version_document(one, state))
    else:
        console.print(version_page(one, _parsed(settings, one)))


@app.command()
def check(file: _File, as_json: AsJson = False) -> None:
    """Say whether a file can be used, and what is remarkable about it; asks nobody."""
    from deployments.cli.decisions.pages import findings_page
    from fraud.decisions.checks.policy_check import check_policy
    from fraud.machine.printing import print_json

    definitions = load_settings().loaded_definitions
    try:
        found = _read(load_settings(), file)
    except PolicyError as error:
        if not as_json:
            raise
        print_json({"problems": error.problems, "findings": []})
        raise typer.Exit(error.exit_code) from None
    findings = check_policy(found, definitions)
    if as_json:
        print_json(_summary(found) | {"problems": [], "findings": [vars(one) for one in findings]})
        return
    console = Console(highlight=False)
    console.print(findings_page(findings))
    _say(
        f"{file}: {found.name}, {_count(len(found.rules), 'rule')}, {_count(len(found.lists), 'list')}, "
        f"{_count(len(found.segments), 'segment')}, digest {found.digest}"
    )


@app.command()
def propose(file: _File, note: _Note = "", override_declines: _Override = "", by: As = None) -> None:
    """Propose a policy; it gets a version and waits for the approval of another person."""
    from fraud.decisions.log.publishing import propose as publish

    settings = load_settings()
    version = publish(settings, _proposal(settings, file, person(by), note, override_declines))
    if version.status == "approved":
        _say(f"version {version.version} is proposed, and approved: nobody else must be asked")
        return
    needed = _count(version.approvals_needed, "person", "people")
    _say(
        f"version {version.version} is proposed; {needed} other than {version.author} must approve it: "
        f"fraud policy approve {version.version}"
    )


@app.command()
def approve(version: _Version, note: _Note = "", by: As = None) -> None:
    """Approve a version that somebody else proposed."""
    from fraud.decisions.log.publishing import approve as publish

    found = publish(load_settings(), version, person(by), note)
    count = f"{len(found.approvals)} of {found.approvals_needed} approvals"
    _say(f"version {version} is {found.status}, {count}" + _next_step(found))


@app.command()
def reject(version: _Version, note: _Note = "", by: As = None) -> None:
    """Reject a version, or withdraw your own."""
    from fraud.decisions.log.publishing import reject as publish

    publish(load_settings(), version, person(by), note)
    _say(f"version {version} is rejected")


@app.command()
def live(version: _Aliased, note: _Note = "", by: As = None) -> None:
    """Let an approved version decide; engines follow within two seconds. `none`: the default policy."""
    from fraud.decisions.log.publishing import set_alias

    settings = load_settings()
    number = _number(version)
    set_alias(settings, "live", number, person(by), note)
    _say(f"{_named(number)} is live")


@app.command()
def shadow(version: _Aliased, note: _Note = "", by: As = None) -> None:
    """Let a version decide beside the live one, recorded and without effect. `none`: no longer."""
    from fraud.decisions.log.publishing import set_alias

    settings = load_settings()
    number = _number(version)
    set_alias(settings, "shadow", number, person(by), note)
    _say("no version is in shadow" if number is None else f"version {number} is in shadow")


@app.command()
def rollback(note: _Note = "", by: As = None) -> None:
    """Put back what was live before; again: what was live before that."""
    from fraud.decisions.log.publishing import rollback as publish

    settings = load_settings()
    _say(f"{_named(publish(settings, person(by), note).live)} is live again")


@app.command()
def apply(
    file: Annotated[Path, typer.Option(help="A policy.yaml, as it is in git.")],
    author: Annotated[str, typer.Option(help="Who wrote the change.")],
    approved_by: Annotated[
        list[str] | None, typer.Option(help="Who approved it, such as the reviewer of the merge; repeatable.")
    ] = None,
    note: _Note = "",
    override_declines: _Override = "",
) -> None:
    """Make a policy of git live: propose, approve, move; nothing if it is live already."""
    from fraud.decisions.log.applying import apply_policy

    settings = load_settings()
    names = [person(name) for name in approved_by or ()]
    proposal = _proposal(settings, file, person(author), note, override_declines)
    done = apply_policy(settings, proposal, names)
    now = "is live now" if done.is_changed else "has the same content and is live already; nothing to do"
    _say(f"version {done.version.version} {now}")


@app.command()
def log(
    most: Annotated[int, typer.Option(min=1, help="Events, at most; the newest.")] = 50,
    refused: Annotated[bool, typer.Option("--refused", help="What does not count, and why.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show who proposed, approved, rejected and moved what, when and why; newest first."""
    from deployments.cli.decisions.pages import log_page
    from fraud.decisions.log.reading import read_policies
    from fraud.machine.printing import print_json

    state = read_policies(load_settings())
    if refused:
        newest = state.refused[::-1][:most]
        if as_json:
            print_json([vars(one) for one in newest])
            return
        for one in newest:
            _say(f"offset {one.position}{' by ' + one.by if one.by else ''}: {one.reason}")
        return
    lines = state.audit[::-1][:most]
    if as_json:
        print_json([vars(line) for line in lines])
    else:
        Console(highlight=False).print(log_page(lines))


@app.command()
def diff(
    old: Annotated[str, typer.Argument(metavar="[OLD]", help="A number, live, shadow, or a file.")] = "live",
    new: Annotated[str | None, typer.Argument(metavar="[NEW]", help="Default: the newest version.")] = None,
) -> None:
    """Show how two versions differ: what is live, and what was proposed last."""
    from deployments.cli.decisions.pages import diff_page
    from fraud.decisions.log.reading import read_policies

    settings = load_settings()
    state = read_policies(settings)
    newest = str(len(state.versions)) if state.versions else "live"
    names = (old, newest if new is None else new)
    Console(highlight=False, soft_wrap=True).print(
        diff_page(names, (text_of(settings, state, names[0]), text_of(settings, state, names[1])))
    )


def _proposal(settings: Settings, file: Path, by: str, note: str, override: str) -> "PolicyProposal":
    """A proposal of a file, if its findings allow it.

    Raises:
        OverrideNeededError: it declines too much, and nobody said that this is meant.
    """
    from fraud.decisions.log.checking import check_proposal
    from fraud.decisions.log.publishing import PolicyProposal

    found = _read(settings, file)
    checked = check_proposal(settings, found)
    for one in checked.findings:
        typer.echo(f"{one.level}: {shown(str(one))}", err=True)
    if checked.unchecked:
        typer.echo(f"warning: not tried on yesterday's payments: {shown(checked.unchecked)}", err=True)
    checked.require_override(override)
    return PolicyProposal(found, by, note, override)


def _read(settings: Settings, file: Path) -> "Policy":
    from fraud.decisions.document import read_policy

    return read_policy(settings.loaded_definitions, file)


def _parsed(settings: Settings, version: "PolicyVersion") -> "Policy | None":
    from fraud.decisions.document import parse_policy

    try:
        return parse_policy(settings.loaded_definitions, version.text)
    except PolicyError:
        return None


def _default(settings: Settings) -> "Policy":
    from fraud.decisions.document import default_policy

    return default_policy(settings.loaded_definitions)


def _version_of(state: "PolicyState", name: str) -> "PolicyVersion | None":
    """The version of a number or an alias; None: the default policy.

    Raises:
        ConfigurationError: there is none.
    """
    if name == "live":
        return state.live_version
    if name == "shadow":
        if state.shadow_version is None:
            raise ConfigurationError("no version is in shadow")
        return state.shadow_version
    if not name.isdecimal() or len(name) > 9:
        raise ConfigurationError(f"{name!r} is no version; write a number, live or shadow")
    return state.version(int(name))


def text_of(settings: Settings, state: "PolicyState", name: str) -> str:
    """The YAML of a version's number, of `live` or `shadow`, or of a file.

    Raises:
        ConfigurationError: there is no such version, or the file cannot be read.
    """
    from fraud.decisions.document import POLICY
    from fraud.definitions.checks.yaml_source import read_text

    path = Path(name)
    if path.suffix in (".yaml", ".yml"):
        return read_text(path, str(path), POLICY)
    version = _version_of(state, name)
    return version.text if version else _default(settings).text


def _number(text: str) -> int | None:
    if text == "none":
        return None
    if not text.isdecimal() or len(text) > 9 or not int(text):
        raise ConfigurationError(f"{text!r} is no version; write a number of `fraud policy show`, or none")
    return int(text)


def _named(version: int | None) -> str:
    return "the default policy" if version is None else f"version {version}"


def _next_step(version: "PolicyVersion") -> str:
    is_ready = version.status == "approved"
    return f"; it goes live with `fraud policy live {version.version}`" if is_ready else ""


def _summary(found: "Policy") -> dict[str, object]:
    return {
        "name": found.name,
        "digest": found.digest,
        "rules": [one.name for one in found.rules],
        "lists": [one.name for one in found.lists],
        "segments": [one.name for one in found.segments],
    }


def _count(number: int, one: str, several: str = "") -> str:
    return f"{number} {one if number == 1 else several or one + 's'}"


def _say(text: str) -> None:
    Console(soft_wrap=True, highlight=False).print(shown(text), markup=False)
