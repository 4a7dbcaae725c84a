"""Shares of cards and of payments by hash: the same on every machine and at any time."""

from fraud.features.events import hash_identifier

BITS = 53
"""A share is compared with so many bits of a hash."""

_MASK = (1 << 64) - 1
_SHIFTS_AND_FACTORS = ((30, 0xBF58_476D_1CE4_E5B9), (27, 0x94D0_49BB_1331_11EB))


def salt_of(purpose: str) -> int:
    """Makes shares for different purposes independent of each other; 64 bits."""
    return hash_identifier(purpose)


def limit_of(share: float) -> int:
    """The share of all hashes, as the number that those of the share are below."""
    return round(share * (1 << BITS))


def is_in_share(identifier_hash: int, salt: int, limit: int) -> bool:
    """Whether a card or a payment belongs to a share: the readable form of what is compiled.

    The mixing is that of splitmix64 (Steele, Lea and Flood 2014).
    """
    mixed = (identifier_hash ^ salt) & _MASK
    for shift, factor in _SHIFTS_AND_FACTORS:
        mixed = ((mixed ^ mixed >> shift) * factor) & _MASK
    return (mixed ^ mixed >> 31) >> (64 - BITS) < limit


def rule_salt(name: str) -> int:
    """The salt of a rule's share; the same in all versions of a policy."""
    return salt_of(f"rule {name}")


CONTROL_SALT = salt_of("control group")
SAMPLE_SALT = salt_of("review sample")
