"""Signatures of models and policies: keys, who signs, and what is trusted."""
