"""Countries and currencies by other names than their usual codes."""

from functools import cache
from importlib.resources import files

import pyarrow as pa

# What iso3166.tab of the time zones' database calls otherwise, or does not name.
_ALSO = {
    "uk": "GB", "united kingdom": "GB", "great britain": "GB", "england": "GB", "scotland": "GB",
    "wales": "GB", "united states of america": "US", "korea": "KR", "south korea": "KR",
    "republic of korea": "KR", "north korea": "KP", "russian federation": "RU", "czechia": "CZ",
    "türkiye": "TR", "turkiye": "TR", "viet nam": "VN", "holland": "NL", "the netherlands": "NL",
    "ivory coast": "CI", "cape verde": "CV", "united arab emirates": "AE", "uae": "AE",
    "hong kong sar": "HK", "macao": "MO", "burma": "MM", "myanmar": "MM", "bosnia and herzegovina": "BA",
    "trinidad and tobago": "TT", "antigua and barbuda": "AG", "swaziland": "SZ",
    "republic of ireland": "IE", "slovak republic": "SK", "macedonia": "MK",
    "syrian arab republic": "SY", "iran, islamic republic of": "IR", "taiwan, province of china": "TW",
    "bolivia (plurinational state of)": "BO", "venezuela (bolivarian republic of)": "VE",
    "tanzania, united republic of": "TZ", "moldova, republic of": "MD", "deutschland": "DE",
    "österreich": "AT", "schweiz": "CH", "frankreich": "FR", "italien": "IT", "spanien": "ES",
    "vereinigte staaten": "US", "vereinigtes königreich": "GB", "niederlande": "NL", "polen": "PL",
    "belgien": "BE", "españa": "ES", "estados unidos": "US", "reino unido": "GB", "alemania": "DE",
    "francia": "FR", "italia": "IT", "méxico": "MX", "brasil": "BR", "états-unis": "US",
    "royaume-uni": "GB", "allemagne": "DE", "espagne": "ES", "italie": "IT", "suisse": "CH",
    "belgique": "BE", "pays-bas": "NL", "nederland": "NL", "polska": "PL",
}  # fmt: skip
_SIGNS = {
    "€": "EUR", "£": "GBP", "₹": "INR", "₩": "KRW", "₺": "TRY", "₫": "VND", "₽": "RUB", "₴": "UAH",
    "₦": "NGN", "฿": "THB", "₪": "ILS", "ZŁ": "PLN", "KČ": "CZK", "FT": "HUF", "R$": "BRL", "US$": "USD",
    "A$": "AUD", "C$": "CAD", "HK$": "HKD", "NZ$": "NZD", "S$": "SGD",
}  # fmt: skip
_NUMBERS = {
    "978": "EUR", "840": "USD", "826": "GBP", "392": "JPY", "756": "CHF", "124": "CAD", "036": "AUD",
    "554": "NZD", "156": "CNY", "344": "HKD", "702": "SGD", "410": "KRW", "356": "INR", "360": "IDR",
    "458": "MYR", "608": "PHP", "764": "THB", "704": "VND", "901": "TWD", "586": "PKR", "050": "BDT",
    "144": "LKR", "752": "SEK", "578": "NOK", "208": "DKK", "352": "ISK", "985": "PLN", "203": "CZK",
    "348": "HUF", "946": "RON", "975": "BGN", "941": "RSD", "980": "UAH", "643": "RUB", "949": "TRY",
    "376": "ILS", "784": "AED", "682": "SAR", "634": "QAR", "414": "KWD", "048": "BHD", "512": "OMR",
    "400": "JOD", "818": "EGP", "504": "MAD", "788": "TND", "710": "ZAR", "566": "NGN", "404": "KES",
    "936": "GHS", "986": "BRL", "484": "MXN", "032": "ARS", "152": "CLP", "170": "COP", "604": "PEN",
    "858": "UYU",
}  # fmt: skip


def country_codes(column: pa.Array) -> pa.Array:
    """Names of countries as codes of two letters; codes in capitals; what is neither stays as it is."""
    return _mapped(column, _country)


def currency_codes(column: pa.Array) -> pa.Array:
    """Currencies by sign, number or in small letters as codes; what is none of them stays as it is."""
    return _mapped(column, _currency)


def _mapped(column: pa.Array, rule: object) -> pa.Array:
    encoded = column.dictionary_encode()
    before = encoded.dictionary.to_pylist()
    after = [rule(text) for text in before]  # type: ignore[operator]
    return column if before == after else pa.array(after, pa.string()).take(encoded.indices)


def _country(text: str) -> str:
    name = " ".join(text.split())
    return name.upper() if len(name) <= 3 and name.lower() != "uk" else _countries().get(name.lower(), text)


def _currency(text: str) -> str:
    code = text.strip().upper()
    if code.isdecimal():
        return _NUMBERS.get(code.zfill(3), text)
    code = _SIGNS.get(code, code)
    return code if len(code) == 3 and code.isascii() and code.isalpha() else text


@cache
def _countries() -> dict[str, str]:
    table = (files("tzdata") / "zoneinfo" / "iso3166.tab").read_text(encoding="utf-8")
    pairs = [line.split("\t") for line in table.splitlines() if line and not line.startswith("#")]
    known = {name.lower(): code for code, name in pairs}
    spelled = {name.replace("&", "and").replace("st ", "saint "): code for name, code in known.items()}
    return spelled | known | _ALSO
