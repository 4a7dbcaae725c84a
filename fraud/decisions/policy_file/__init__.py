"""The policy file: what may be in it, its JSON Schema, and the default one."""
