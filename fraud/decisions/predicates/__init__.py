"""SQL predicates over a payment: parsed, typed, compiled and evaluated."""
