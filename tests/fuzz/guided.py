"""Coverage-guided fuzzing (atheris, libFuzzer): `make fuzz-guided`.

Compiled code has no coverage that atheris could see. So each input is read twice: by an instrumented copy of
the fast reader in plain Python, whose coverage guides libFuzzer, and by the compiled reader, which is held to
the full decoder. The copy must also take exactly the messages that compiled code takes. What an identifier
hashes to is not part of the copy; `assert_agreement` compares it.
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from random import Random
from types import FunctionType, SimpleNamespace
from typing import Any

import atheris
import numpy as np

from fraud.features.decoded_batch import DecodedBatch
from fraud.features.field_tables import field_table
from fraud.messages.admission import AdmissionFilter
from fraud.messages.decoding import Decoder
from fraud.native import admission_rules, event_clock, json_reader, json_values, xxh3
from tests.definitions import V1
from tests.fuzz.agreement import SETTINGS, assert_agreement, assert_contained
from tests.fuzz.generators import DAY_MS, NOW, NUMBERS, OTHER_VALUES, RAW_TEXTS, damage, message

SEPARATOR = b"\x1e"
"""Between the messages of an input; no JSON has it outside of an escape."""

_TIME = NOW + DAY_MS
_SEEDS = 2_000
_VALID = (
    b'{"transaction_id":"t-1","card_id":"card-1","merchant_id":"m-1","amount":"12.34","currency":"EUR",'
    b'"timestamp":%d,"note":"%%s"}'
) % _TIME
"""A message that the fast reader takes; a text goes into its undeclared field."""
_LONGEST = 1_500


class Copy:
    """The decision of the fast reader, instrumented, over Python's own integers."""

    def __init__(self) -> None:
        functions = _instrumented(json_values, {})
        for module in (event_clock, admission_rules):
            functions |= {f"_{name}": function for name, function in _instrumented(module, {}).items()}
        functions["xxh3"] = SimpleNamespace(xxh3_64=lambda *_: np.uint64(1), MAX_BYTES=xxh3.MAX_BYTES)
        copies = _instrumented(json_reader, functions)
        self._read_members, self._complete_values = copies["_read_members"], copies["_complete_values"]
        self._is_allowed, self._table = copies["_is_allowed"], field_table(V1)

    def takes(self, value: bytes) -> bool:
        """Whether the reader takes the message as the first of a partition."""
        admission, table = AdmissionFilter(V1, SETTINGS), self._table
        spans = np.empty((len(table.kinds) + len(table.parents), 2), dtype=np.int64)
        values, data, limits = np.zeros(len(table.kinds), dtype=np.int64), value + b"\0", admission.limits
        if len(value) > limits.max_bytes:
            return False
        if not self._read_members(table, data, 0, len(value), spans, values):
            return False
        if not self._complete_values(table, data, spans, values, values.view(np.float64)):
            return False
        state = [*admission.state]
        return bool(self._is_allowed(table, limits, data, spans, values, _TIME, state))


def read_input(content: bytes, copy: Copy) -> DecodedBatch:
    """Read the messages of one input in every way.

    Raises:
        AssertionError: two ways differ.
    """
    values = content.split(SEPARATOR)
    for value in values:
        # The reader takes a message without asking admission exactly when its copy does.
        assert copy.takes(value) == assert_agreement([value], [_TIME]).fast, value
        assert_contained(value)
    return assert_agreement(values, [_TIME] * len(values))


def seeds() -> Iterator[bytes]:
    """Inputs to start from: those of the random runs, and valid messages with each edge case of a text."""
    random = Random(1)
    for _ in range(_SEEDS):
        yield SEPARATOR.join(message(random) for _ in range(random.choice((1, 1, 2))))
    # One for each edge case, among them surrogates in UTF-8 and in escapes.
    yield from (_VALID % text for text in RAW_TEXTS)


def dictionary() -> Iterator[bytes]:
    """What libFuzzer may insert: names, and the edge cases of texts, numbers and other values."""
    yield from (b'"%s":' % name.encode() for name in V1.field_index)
    yield from RAW_TEXTS
    for one in (*NUMBERS, *OTHER_VALUES):
        if 0 < len(one) <= 64:
            yield one.encode()


def mutate(content: bytes, max_size: int, seed: int) -> bytes:
    """Half of the time what libFuzzer does to bytes, otherwise what the random runs do to messages."""
    random = Random(seed)
    if random.random() < 0.5:
        return bytes(atheris.Mutate(content, max_size))
    return bytes(damage(random, bytearray(content)))[:max_size]


def main(folder: Path, arguments: list[str]) -> None:
    """Fuzz with the corpus, the dictionary and what is found in `folder`; ends the process."""
    corpus = folder / "corpus"
    corpus.mkdir(parents=True, exist_ok=True)
    for number, content in enumerate(seeds()):
        (corpus / f"seed-{number:05d}").write_bytes(content[:_LONGEST])
    words = folder / "dictionary"
    words.write_text("".join(f'"{_escaped(word)}"\n' for word in dictionary()), encoding="ascii")
    _instrument_methods(AdmissionFilter, Decoder)
    copy = Copy()
    atheris.Setup(
        [
            sys.argv[0], str(corpus), f"-dict={words}", f"-max_len={_LONGEST}", "-print_final_stats=1",
            f"-artifact_prefix={folder}/", *arguments,
        ],
        lambda content: read_input(content, copy) and None,
        custom_mutator=mutate,
    )  # fmt: skip
    atheris.Fuzz()


def _escaped(word: bytes) -> str:
    return "".join(f"\\x{byte:02x}" for byte in word)


def _instrument_methods(*types: type) -> None:
    """Let the coverage of the full decoder guide too."""
    for kind in types:
        for method in vars(kind).values():
            if isinstance(method, FunctionType):
                atheris.instrument_func(method)


def _instrumented(module: Any, imported: dict[str, Any]) -> dict[str, Any]:
    """The functions of a module as instrumented Python, with `imported` in the place of what it imports."""
    names = vars(module) | {name: one for name, one in imported.items() if name in vars(module)}
    copies = {}
    for name, one in vars(module).items():
        function = getattr(one, "py_func", one)
        if isinstance(function, FunctionType) and function.__module__ == module.__name__:
            copies[name] = atheris.instrument_func(FunctionType(function.__code__, names, name))
    names.update(copies)
    return copies


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
