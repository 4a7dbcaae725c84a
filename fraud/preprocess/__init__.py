"""From the lake's transactions and labels to merchants' profiles and training rows, day by day."""
