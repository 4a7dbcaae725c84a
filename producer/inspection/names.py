"""Names of columns in exports and public data sets, in several languages."""

import re
from collections.abc import Sequence

_NAMES = {
    "transaction_id": (
        "transaction_id transactionid transaction txid txnid txn tx transid transnum transno tranid trxid "
        "transactionnumber transactionref transref paymentid payment paymentref orderid eventid reference "
        "ref rrn arn transaktionsid transaktion transaktionsnummer buchungsnummer buchungsid umsatzid "
        "idtransaccion transaccion idoperacion operationid idtransaction numtransaction idtransazione "
        "transazione transacaoid idtransacao transactieid idtransakcji rowid uuid guid id"
    ),
    "card_id": (
        "card_id cardid card cardnumber cardno cardnum ccnum ccnumber cc pan panhash pantoken maskedpan "
        "cardtoken cardhash cardref cardkey card1 accountid account accountnumber acctnum customer "
        "customerid custid clientid client userid user nameorig sender senderaccount kartennummer karte "
        "kartenid kartenr kunde kundennummer konto kontonummer tarjeta numerotarjeta idtarjeta idcliente "
        "cliente carte numerocarte idcarte carta numerocarta cartao numerocartao kaart kaartnummer karta "
        "numerkarty"
    ),
    "merchant_id": (
        "merchant_id merchantid merchant merchantname merchantno merchantnumber mid terminalid terminal "
        "termid tid shop shopid store storeid payee beneficiary seller sellerid vendor vendorid "
        "acceptorid cardacceptor namedest recipient haendler haendlerid handler haendlernummer "
        "zahlungsempfaenger comercio idcomercio commerce commercant marchand idmarchand esercente negozio "
        "lojista estabelecimento winkel sklep"
    ),
    "amount": (
        "amount amt transactionamount transactionamt txamount txnamount transamt value sum total price "
        "paymentamount amountusd amounteur amountlocal amountinr purchaseamount betrag umsatz summe wert "
        "importe monto cantidad valor montant importo bedrag kwota quantia"
    ),
    "currency": (
        "currency currencycode curr ccy cur transactioncurrency txcurrency isocurrency waehrung wahrung "
        "waehrungscode moneda divisa devise monnaie valuta moeda waluta"
    ),
    "timestamp": (
        "timestamp time datetime date transactiontime transactiondate transactiondatetime transactiondt "
        "txtime txdatetime txdate transdate transdatetranstime transtime trandate eventtime "
        "eventtimestamp createdat created ts authtime authdate posteddate purchasedate step unixtime "
        "datum zeit zeitstempel buchungsdatum buchungstag fecha hora fechahora date heure horodatage data "
        "dataora datahora tijd tijdstip czas"
    ),
    "merchant_category": (
        "merchant_category merchantcategory merchantcategorycode category mcc mcccode categorycode type "
        "productcd branche kategorie categoria categorie rubro"
    ),
    "channel": ("channel entrymode posentrymode transactiontype txtype kanal canal canale usechip"),
    "country": (
        "country countrycode merchantcountry cardcountry countryiso iso2 land laendercode pais pays paese "
        "kraj"
    ),
    "latitude": ("latitude lat merchlat merchantlat merchantlatitude breitengrad latitud"),
    "longitude": ("longitude long lon lng merchlong merchantlong merchantlongitude laengengrad longitud"),
    "is_fraud": (
        "is_fraud isfraud fraud fraudlabel fraudflag fraudind txfraud label class target fraudulent "
        "fraudster betrug istbetrug esfraude fraude frode frodo fraudereported errors chargeback "
        "ischargeback"
    ),
    "reported_at": (
        "reported_at reportedat reported reporttime reportdate reportedon labeltime labelledat labeledat "
        "chargebackdate disputedate gemeldetam fechareporte"
    ),
    "source": ("source labelsource reportsource origin quelle fuente origine"),
}
SYNONYMS = {field: tuple(dict.fromkeys(words.replace("_", "").split())) for field, words in _NAMES.items()}
AFTERWARDS = re.compile(
    r"(fraud|chargeback|dispute|refund|flag|alert|block|declin|case|investigat|label|target|score|risk|review|outcome)",
    re.I,
)
"""Names of columns that are often filled only after the fraud was known."""

_FOLD = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "é": "e", "è": "e", "ê": "e",
 "á": "a", "à": "a",
                       "ã": "a", "ç": "c", "í": "i", "ó": "o", "õ": "o", "ñ": "n", "ú": "u"})  # fmt: skip


def simple(name: str) -> str:
    """A name without case, accents and signs."""
    return re.sub(r"[^a-z0-9]", "", name.lower().translate(_FOLD))


def columns_for(field: str, columns: Sequence[str]) -> list[str]:
    """The columns whose names are known for a field, the likeliest first; none of a field that is not."""
    return columns_named(SYNONYMS.get(field, ()), columns)


def columns_named(names: Sequence[str], columns: Sequence[str]) -> list[str]:
    """The columns that are called like one of these, apart from case and signs; the first names first."""
    ranks: dict[str, int] = {}
    for rank, name in enumerate(names):
        ranks.setdefault(simple(name), rank)
    found = [(ranks[simple(name)], name) for name in columns if simple(name) in ranks]
    return [name for _, name in sorted(found, key=lambda one: one[0])]
