"""The model registry: bundles, versions, aliases and promotion."""
