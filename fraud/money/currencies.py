"""Currencies: their codes and their decimals."""

from collections.abc import Iterable

from fraud.native.admission_rules import currency_index

_ACTIVE = """
AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD CAD
CDF CHF CLP CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ
GYD HKD HNL HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR
LRD LSL LYD MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN
PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB
TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD UYU UZS VED VES VND VUV WST XAF XCD XCG XOF XPF YER ZAR ZMW
ZWG
"""
ACTIVE = frozenset(_ACTIVE.split())
"""ISO 4217 without funds, metals and codes for tests."""

_WITHDRAWN = "CYP CUC EEK HRK LTL LVL MRO MTL ROL SIT SKK SLL STD TRL VEF ZWL"
WITHDRAWN = frozenset(_WITHDRAWN.split())
"""Codes that series of former years have, such as the European Central Bank's since 1999."""

CURRENCIES = ACTIVE | WITHDRAWN
"""What a file of rates may name."""

# ISO 4217 currencies whose minor unit is not a hundredth.
_EXPONENTS = {
    **dict.fromkeys(
        ("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "UYI", "VND", "VUV",
         "XAF", "XOF", "XPF"), 0),
    **dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3),
}  # fmt: skip

CURRENCY_LETTERS = 3


def currency_index_of(code: str) -> int:
    """A number below 26 ** 3 for a code of three capitals (`currency_index`); -1 for any other text."""
    letters = code.encode()
    return currency_index(*letters) if len(letters) == CURRENCY_LETTERS else -1


def is_currency(code: str) -> bool:
    """Whether a text can be an ISO 4217 code."""
    return currency_index_of(code) >= 0


def unusual_currencies() -> Iterable[str]:
    """Currencies whose minor unit is not a hundredth."""
    return _EXPONENTS.keys()


def minor_digits(currency: str) -> int:
    """How many decimals the currency has."""
    return _EXPONENTS.get(currency, 2)
