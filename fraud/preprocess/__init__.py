"""Preprocessing: merchant profiles and training rows from the lake's transactions and labels, day by day."""
