"""The hash of identifiers, for compiled code: XXH3 with 64 bits, unseeded, of up to 128 bytes.

After the specification of Yann Collet's xxHash (https://github.com/Cyan4973/xxHash, doc/xxhash_spec.md).
Python code calls the library xxhash; a property test compares the two.
"""

import numpy as np
import numpy.typing as npt

from fraud.native.jit import compiled, inlined

MAX_BYTES = 128
"""Longer input is hashed in another way, which hardly any text of 64 characters needs."""

SECRET: npt.NDArray[np.uint8] = np.frombuffer(
    bytes.fromhex(
        "b8fe6c3923a44bbe7c01812cf721ad1cded46de9839097db7240a4a4b7b3671f"
        "cb79e64eccc0e578825ad07dccff7221b8084674f743248ee03590e6813a264c"
        "3c2852bb91c300cb88d0658b1b532ea371644897a20df94e3819ef46a9deacd8"
        "a8fa763fe39c343ff9dcbbc7c70b4f1d8a51e04bcdb45931c89f7ec9d9787364"
    ),
    dtype=np.uint8,
)
"""The part of the published secret of the algorithm that 128 bytes need."""

_PRIME64_1 = np.uint64(0x9E3779B185EBCA87)
_PRIME64_2 = np.uint64(0xC2B2AE3D27D4EB4F)
_PRIME64_3 = np.uint64(0x165667B19E3779F9)
_PRIME_MX1 = np.uint64(0x165667919E3779F9)
_PRIME_MX2 = np.uint64(0x9FB21C651E98DF25)
_LOW = np.uint64(0xFFFF_FFFF)


@compiled
def hash_all(data, offsets, secret, hashes):  # type: ignore[no-untyped-def]
    """Write the hash of each text to `hashes`, uint64 (n,); False: one has more than `MAX_BYTES`.

    Args:
        data: the texts' bytes, one after another.
        offsets: where each starts, and the end of the last, int32 (n + 1,).
        secret: `SECRET`.
        hashes: to be filled.
    """
    for row in range(len(hashes)):
        start, end = np.int64(offsets[row]), np.int64(offsets[row + 1])
        if end - start > MAX_BYTES:
            return False
        hashes[row] = xxh3_64(data, start, end, secret)
    return True


@inlined
def xxh3_64(data, start, end, secret):  # type: ignore[no-untyped-def]
    """The hash (uint64) of `data[start:end]`, an array of bytes."""
    length = end - start
    if length > 16:
        return _hash_up_to_128(data, start, length, secret)
    if length > 8:
        return _hash_up_to_16(data, start, length, secret)
    if length >= 4:
        return _hash_up_to_8(data, start, length, secret)
    if length == 0:
        return _finish(_read64(secret, 56) ^ _read64(secret, 64))
    return _hash_up_to_3(data, start, length, secret)


@inlined
def _hash_up_to_3(data, start, length, secret):  # type: ignore[no-untyped-def]
    first, middle, last = data[start], data[start + (length >> 1)], data[start + length - 1]
    mixed = np.uint64(first) << np.uint64(16) | np.uint64(middle) << np.uint64(24)
    mixed |= np.uint64(last) | np.uint64(length) << np.uint64(8)
    value = mixed ^ _read32(secret, 0) ^ _read32(secret, 4)
    return _finish(value)


@inlined
def _finish(value):  # type: ignore[no-untyped-def]
    """The last step of XXH64."""
    value = (value ^ value >> np.uint64(33)) * _PRIME64_2
    value = (value ^ value >> np.uint64(29)) * _PRIME64_3
    return value ^ value >> np.uint64(32)


@inlined
def _hash_up_to_8(data, start, length, secret):  # type: ignore[no-untyped-def]
    value = _read32(data, start + length - 4) + (_read32(data, start) << np.uint64(32))
    value ^= _read64(secret, 8) ^ _read64(secret, 16)
    value ^= _rotate(value, 49) ^ _rotate(value, 24)
    value *= _PRIME_MX2
    value ^= (value >> np.uint64(35)) + np.uint64(length)
    value *= _PRIME_MX2
    return value ^ value >> np.uint64(28)


@inlined
def _hash_up_to_16(data, start, length, secret):  # type: ignore[no-untyped-def]
    low = _read64(data, start) ^ _read64(secret, 24) ^ _read64(secret, 32)
    high = _read64(data, start + length - 8) ^ _read64(secret, 40) ^ _read64(secret, 48)
    return _avalanche(np.uint64(length) + _swap_bytes(low) + high + _fold(low, high))


@inlined
def _hash_up_to_128(data, start, length, secret):  # type: ignore[no-untyped-def]
    total = np.uint64(length) * _PRIME64_1
    for pair in range((length - 1) >> 5, -1, -1):
        total += _mix(data, start + 16 * pair, secret, 32 * pair)
        total += _mix(data, start + length - 16 * (pair + 1), secret, 32 * pair + 16)
    return _avalanche(total)


@inlined
def _mix(data, at, secret, secret_at):  # type: ignore[no-untyped-def]
    low = _read64(data, at) ^ _read64(secret, secret_at)
    high = _read64(data, at + 8) ^ _read64(secret, secret_at + 8)
    return _fold(low, high)


@inlined
def _avalanche(value):  # type: ignore[no-untyped-def]
    value ^= value >> np.uint64(37)
    value *= _PRIME_MX1
    return value ^ value >> np.uint64(32)


@inlined
def _fold(left, right):  # type: ignore[no-untyped-def]
    """Both halves of the product of 128 bits, xored."""
    half = np.uint64(32)
    lows = (left & _LOW) * (right & _LOW)
    first = (left >> half) * (right & _LOW)
    second = (left & _LOW) * (right >> half)
    carried = (lows >> half) + (first & _LOW) + second
    upper = (first >> half) + (carried >> half) + (left >> half) * (right >> half)
    return upper ^ (carried << half | lows & _LOW)


@inlined
def _swap_bytes(value):  # type: ignore[no-untyped-def]
    """The bytes in the opposite order."""
    byte = np.uint64(0xFF)
    result = np.uint64(0)
    for shift in range(0, 64, 8):
        result |= (value >> np.uint64(shift) & byte) << np.uint64(56 - shift)
    return result


@inlined
def _rotate(value, bits):  # type: ignore[no-untyped-def]
    return value << np.uint64(bits) | value >> np.uint64(64 - bits)


@inlined
def _read32(data, at):  # type: ignore[no-untyped-def]
    """Four bytes, the lowest first."""
    value = np.uint64(0)
    for index in range(4):
        value |= np.uint64(data[at + index]) << np.uint64(8 * index)
    return value


@inlined
def _read64(data, at):  # type: ignore[no-untyped-def]
    """Eight bytes, the lowest first."""
    return _read32(data, at) | _read32(data, at + 4) << np.uint64(32)
