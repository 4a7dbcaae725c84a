"""Grafana's boards, written as code; `make boards` makes the committed JSON of them."""
