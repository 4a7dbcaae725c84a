"""Profiles: what was known of an id's or a category's payments at a moment, the same online and offline.

Time is divided into periods of `Definitions.profile_every_ms`. The profile of moment m, counted in periods
since 1970, holds what was paid and reported before the start of period m. Everything that is added up is an
integer, so that a profile is the same to the bit wherever it is made.
"""
