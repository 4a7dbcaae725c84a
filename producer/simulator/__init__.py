"""A simulated world of cards and merchants, seeded and made day by day."""

from producer.simulator.traffic import DayOfTraffic, Simulator, simulate

__all__ = ["DayOfTraffic", "Simulator", "simulate"]
