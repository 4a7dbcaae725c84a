"""The definitions that tests use unless they make their own."""

from fraud.definitions.loading import load_definitions

V1 = load_definitions()
