"""What could not be judged and why."""

from dataclasses import dataclass, field


@dataclass
class Notes:
    """Sentences, in the order in which they came up."""

    sentences: list[str] = field(default_factory=list)

    def add(self, sentence: str, *, when: bool = True) -> None:
        """Add a sentence if it is to be said."""
        if when:
            self.sentences.append(sentence)
