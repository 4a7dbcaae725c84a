"""Commands about models: list, compare, explain, promote, roll back."""
