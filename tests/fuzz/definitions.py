"""Definitions for fuzzing: fields of every type, some in nested objects, under names that are alike."""

from math import inf
from random import Random

from fraud.definitions.definitions import Definitions
from fraud.definitions.fields import CORE_FIELDS, Field, FieldType
from tests.definitions import V1

MEMBERS = (
    "id", "a", "b", "card", "card_i", "card_id", "amount", "V1", "V2", "V10", "V20", "V21", "größe", "花",
    "x y", "a-b", "$", "n" * 70, "fingerprint", "value", "timestamp",
)  # fmt: skip
"""Names of members; many share their length, their first or their last byte."""

OBJECTS = ("device", "devices", "card", "V", "a", "größe", "meta")


def random_definitions(random: Random) -> Definitions:
    """The six core fields and up to forty others."""
    paths: list[tuple[str, ...]] = [(name,) for name in CORE_FIELDS]
    fields = [_moved(random, V1.field_by_name[name], paths) for name in CORE_FIELDS]
    for number in range(random.choice((0, 1, 3, 8, 40))):
        path = _free_path(random, paths)
        if path is not None:
            fields.append(_field(random, f"f{number}", path))
    random.shuffle(fields)
    return Definitions(f"random {random.random()}", tuple(fields), V1.features)


def _moved(random: Random, field: Field, paths: list[tuple[str, ...]]) -> Field:
    """A core field, sometimes at another path."""
    path = _free_path(random, paths) if random.random() < 0.3 else None
    if path is None:
        return field
    return Field(field.name, field.type, path, False, field.min_length, field.max_length)


def _field(random: Random, name: str, path: tuple[str, ...]) -> Field:
    kind = random.choice(list(FieldType))
    is_number = kind in (FieldType.NUMBER, FieldType.FIXED, FieldType.MONEY)
    is_bounded = is_number and random.random() < 0.5
    return Field(
        name, kind, path,
        is_optional=random.random() < 0.9,
        min_length=random.choice((0, 1, 2)),
        max_length=random.choice((3, 32, 64)),
        lowest=random.choice((0.0, -10.5)) if is_bounded else -inf,
        highest=random.choice((90.0, 1e6)) if is_bounded else inf,
        scale=random.choice((0, 1, 4, 9)) if kind is FieldType.FIXED else 0,
    )  # fmt: skip


def _free_path(random: Random, paths: list[tuple[str, ...]]) -> tuple[str, ...] | None:
    """A path that is in no other and has no other in it; None if none is found soon."""
    for _ in range(20):
        around = tuple(random.choice(OBJECTS) for _ in range(random.choice((0, 0, 0, 1, 1, 2, 3))))
        path = (*around, random.choice(MEMBERS) if random.random() < 0.7 else f"V{random.randrange(40)}")
        if not any(path[: len(one)] == one or one[: len(path)] == path for one in paths):
            paths.append(path)
            return path
    return None
