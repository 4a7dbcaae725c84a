"""Messages of the other topics, damaged."""

from random import Random

from tests.fuzz.generators import NUMBERS, OTHER_VALUES, RAW_TEXTS, damage, message

VALID = (
    b'{"transaction_id":"t","card_id":"c","is_fraud":true,"reported_at":1700000000000,"source":"analyst"}',
    b'{"merchant_id":"m","date":"2025-01-01","feature_version":1,"values":[1.5,null,0]}',
    b'{"transaction_id":"t","card_id":"c","timestamp":9,"amount":5,"currency":"EUR","score":0.5,'
    b'"decision":"review","threshold":0.4,"model_name":"m","model_version":"1","feature_version":1,'
    b'"scored_at":10,"profile_date":"2025-01-01","reasons":[{"feature":"f","value":null,"contribution":1.5,'
    b'"text":"w"}],"features":[1.5,null],"challenger_version":"2","challenger_score":0.25}',
)


def other_message(random: Random) -> bytes:
    """A label, profile or prediction with a value from the lists of edge cases, or damaged, or anything."""
    kind = random.randrange(4)
    if kind == 0:
        return message(random)
    content = bytearray(random.choice(VALID))
    if kind == 1:
        return bytes(damage(random, content))
    begin = random.choice([at for at, sign in enumerate(content) if sign == ord(":")]) + 1
    end = min(at for at in (content.find(b",", begin), content.find(b"}", begin)) if at >= 0)
    content[begin:end] = random.choice(
        (
            random.choice(NUMBERS).encode(),
            random.choice(OTHER_VALUES).encode(),
            b'"' + random.choice(RAW_TEXTS) + b'"',
        )
    )
    return bytes(content)
