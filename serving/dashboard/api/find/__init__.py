"""Finding payments: the search, the pages of cards and of merchants."""
