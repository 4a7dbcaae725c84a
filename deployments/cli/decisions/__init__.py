"""Commands that change how payments are decided."""
