"""The forms in which people write values: times, amounts, codes and identifiers."""
