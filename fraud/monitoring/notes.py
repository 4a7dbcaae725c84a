"""What could not be evaluated, and why."""

from dataclasses import dataclass, field


@dataclass
class Notes:
    """Sentences, in the order in which they were added."""

    sentences: list[str] = field(default_factory=list)

    def add(self, sentence: str, *, when: bool = True) -> None:
        """Add a sentence, if `when` holds."""
        if when:
            self.sentences.append(sentence)
