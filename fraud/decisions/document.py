"""Reads a policy: from YAML to a `Policy`, every mistake with its line."""

import json
from collections.abc import Mapping, Set
from dataclasses import asdict, replace
from functools import lru_cache
from hashlib import blake2b
from pathlib import Path

from fraud.decisions.checks.content_check import DEFAULT_SEGMENT, check_content, expiry_of
from fraud.decisions.checks.file_check import checked_document, list_mark, list_marks
from fraud.decisions.outcomes import OUTCOMES
from fraud.decisions.policy import Band, Policy, PolicyList, Rule, Segment
from fraud.decisions.policy_file.parts import BandsPart, PolicyDocument
from fraud.decisions.predicates.errors import PredicateError
from fraud.decisions.predicates.parsing import parse_predicate
from fraud.definitions.checks.problems import FileKind, Problems
from fraud.definitions.checks.problems import Path as PathInFile
from fraud.definitions.checks.yaml_source import parse_yaml, read_text
from fraud.definitions.definitions import Definitions
from fraud.errors import PolicyError

POLICY = FileKind(
    PolicyError,
    "policy",
    500_000,
    "docs/decisions.md has one to start from",
    "check its path",
)
DEFAULT_FILE = Path(__file__).with_name("policy_file") / "default.yaml"


def read_policy(definitions: Definitions, path: Path) -> Policy:
    """The policy in a file.

    Raises:
        PolicyError: it cannot be read or used; has a line for each mistake, with what to do.
    """
    return parse_policy(definitions, read_text(path, str(path), POLICY), str(path))


def parse_policy(definitions: Definitions, text: str, source: str = "policy.yaml") -> Policy:
    """The policy of a text; `source` is its name in messages.

    Raises:
        PolicyError: it cannot be used; has a line for each mistake, with what to do.
    """
    _check_size(text, source)
    found = parse_yaml(text, source, POLICY)
    problems = Problems(source, found.lines, POLICY)
    document = checked_document(found.value, problems)
    if document is not None:
        check_content(definitions, document, problems)
        _check_predicates(definitions, document, list_marks(found.value), problems)
    problems.raise_if_any()
    assert document is not None
    return _policy_of(document, text)


@lru_cache(maxsize=8)
def default_policy(definitions: Definitions) -> Policy:
    """The policy in force while none was made live."""
    return read_policy(definitions, DEFAULT_FILE)


def policy_digest(policy: Policy) -> str:
    """Identifies what a policy says, 16 hex digits; comments, and the order of keys, do not count."""
    content = {name: value for name, value in asdict(policy).items() if name not in ("digest", "text")}
    return blake2b(json.dumps(content, sort_keys=True).encode(), digest_size=8).hexdigest()


def _check_size(text: str, source: str) -> None:
    if len(text) > POLICY.max_bytes:
        sentence = f"the policy has {len(text):,} characters; it may have {POLICY.max_bytes:,}"
        raise PolicyError([f"{source}:1: {sentence}"])


def _policy_of(document: PolicyDocument, text: str) -> Policy:
    rules = [
        Rule(
            **one.model_dump(exclude={"expires"}),
            expires=None if one.expires is None else expiry_of(one.expires),
        )
        for one in document.rules
    ]
    lists = [PolicyList(name, **one.model_dump()) for name, one in document.lists.items()]
    segments = [_segment(one.name, one.when, one.bands) for one in document.segments]
    policy = Policy(
        name=document.name,
        lists=tuple(sorted(lists, key=_order_of_list)),
        rules=tuple(sorted(rules, key=lambda rule: rule.priority)),
        segments=(*segments, _segment(DEFAULT_SEGMENT, None, document.bands)),
        review_capacity=document.review.capacity,
        control_share=document.control_group,
        sample_share=document.review.sample,
        most_declined=document.most_declined,
        digest="",
        text=text,
    )
    return replace(policy, digest=policy_digest(policy))


def _order_of_list(one: PolicyList) -> int:
    """Allow lists first, then block lists, then those that only rules use."""
    return 2 if one.outcome is None else int(one.outcome != "approve")


def _segment(name: str, when: str | None, bands: BandsPart) -> Segment:
    bounds = ((outcome, getattr(bands, outcome)) for outcome in OUTCOMES[1:])
    return Segment(
        name, when, bands.on, tuple(Band(outcome, lower) for outcome, lower in bounds if lower is not None)
    )


def _check_predicates(
    definitions: Definitions, document: PolicyDocument, marks: Set[str], problems: Problems
) -> None:
    """Note what is wrong with predicates; those are left out that ask a list which is wrong itself."""
    lists = {
        name: PolicyList(name, **one.model_dump())
        for name, one in document.lists.items()
        if one.field in definitions.field_by_name and definitions.field_by_name[one.field].is_text
    }
    broken = marks - {list_mark(name) for name in lists}
    predicates: list[tuple[PathInFile, str, str]] = [
        *((("rules", at, "when"), f"rule {one.name}", one.when) for at, one in enumerate(document.rules)),
        *(
            (("segments", at, "when"), f"segment {one.name}", one.when)
            for at, one in enumerate(document.segments)
        ),
    ]
    for path, subject, when in predicates:
        if not any(mark in when for mark in broken):
            _check_predicate(definitions, subject, when, lists, path, problems)


def _check_predicate(
    definitions: Definitions,
    subject: str,
    when: str,
    lists: Mapping[str, PolicyList],
    path: PathInFile,
    problems: Problems,
) -> None:
    try:
        parse_predicate(definitions, when, lists)
    except PredicateError as error:
        # The predicate has several lines where the YAML has a block, which starts below the key.
        line = problems.line_of(path) + (error.line if "\n" in when.strip() else 0)
        problems.add_at(line, f"{subject}: when, column {error.column}: {error.message}")
