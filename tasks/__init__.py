"""Prefect tasks: each calls one function of the domain and reports."""
