"""How card numbers are made: issuers, lengths, groups. Constants of compiled code and of its reference."""

FEWEST_DIGITS, MOST_DIGITS = 13, 19
FEWEST_IN_GROUP, MOST_IN_FIRST_GROUP, MOST_IN_GROUP = 3, 6, 10
"""The last group may be shorter, as in 4-4-4-4-3 and 4-4-4-1. A UUID begins with eight."""
FEWEST_GROUPS_WITH_DOTS = 3
SEPARATORS = " -."
PREFIX_DIGITS = 6

ISSUERS: tuple[tuple[int, int, tuple[int, ...]], ...] = (
    (220000, 220499, (16, 17, 18, 19)),  # Mir
    (222100, 272099, (16,)),  # Mastercard
    (300000, 305999, (14, 16, 17, 18, 19)),  # Diners Club
    (309500, 309599, (14, 16, 17, 18, 19)),  # Diners Club
    (340000, 349999, (15,)),  # American Express
    (352800, 358999, (16, 17, 18, 19)),  # JCB
    (360000, 369999, (14, 15, 16, 17, 18, 19)),  # Diners Club
    (370000, 379999, (15,)),  # American Express
    (380000, 399999, (14, 16, 17, 18, 19)),  # Diners Club
    (400000, 499999, (13, 16, 19)),  # Visa
    (501800, 501899, (13, 14, 15, 16, 17, 18, 19)),  # Maestro
    (501900, 501999, (16,)),  # Dankort
    (502000, 502099, (13, 14, 15, 16, 17, 18, 19)),  # Maestro
    (503800, 503899, (13, 14, 15, 16, 17, 18, 19)),  # Maestro
    (506099, 506198, (16, 18, 19)),  # Verve
    (506699, 506778, (16,)),  # Elo
    (508500, 508999, (16,)),  # RuPay
    (509000, 509999, (16,)),  # Elo
    (510000, 559999, (16,)),  # Mastercard
    (589300, 589399, (13, 14, 15, 16, 17, 18, 19)),  # Maestro
    (601100, 601199, (16, 17, 18, 19)),  # Discover
    (606985, 608500, (16,)),  # RuPay
    (620000, 629999, (16, 17, 18, 19)),  # UnionPay, Discover
    (630400, 630499, (13, 14, 15, 16, 17, 18, 19)),  # Maestro
    (636297, 636368, (16,)),  # Elo
    (644000, 659999, (16, 17, 18, 19)),  # Discover, RuPay, Verve
    (675900, 675999, (13, 14, 15, 16, 17, 18, 19)),  # Maestro
    (676100, 676399, (13, 14, 15, 16, 17, 18, 19)),  # Maestro
    (810000, 817199, (16, 17, 18, 19)),  # UnionPay
    (979200, 979289, (16,)),  # Troy
)
"""The first six digits, from and to, and how many digits numbers that begin with them have."""
