"""The syntax of predicates: SQL's, by sqlglot's parser, of which only some tokens reach the parser."""

import re
from collections.abc import Iterable

from sqlglot import Token, TokenType, exp
from sqlglot.dialects.dialect import Dialect
from sqlglot.errors import ParseError, SqlglotError

from fraud.decisions.predicates.errors import PredicateError

MAX_CHARACTERS = 4_000
MAX_DEPTH = 25
"""Of parentheses, functions, CASE and NOT within one another. sqlglot's parser takes some 20 frames of
Python's stack for each, and a predicate that was accepted must be read again wherever it is used."""
FUNCTIONS = ("abs", "coalesce", "greatest", "in_list", "least")

_KEYWORDS = {
    TokenType.AND, TokenType.OR, TokenType.NOT, TokenType.IN, TokenType.IS, TokenType.NULL, TokenType.BETWEEN,
    TokenType.TRUE, TokenType.FALSE, TokenType.CASE, TokenType.WHEN, TokenType.THEN, TokenType.ELSE,
    TokenType.END,
}  # fmt: skip
_SIGNS = {
    TokenType.L_PAREN, TokenType.R_PAREN, TokenType.COMMA, TokenType.PLUS, TokenType.DASH, TokenType.STAR,
    TokenType.SLASH, TokenType.MOD, TokenType.EQ, TokenType.NEQ, TokenType.LT, TokenType.LTE, TokenType.GT,
    TokenType.GTE,
}  # fmt: skip
_VALUES = {TokenType.NUMBER, TokenType.STRING, TokenType.IDENTIFIER}
_MOMENTS = {TokenType.TIMESTAMP, TokenType.DATE}
_WORD = re.compile(r"\w+", re.ASCII)
_ADVICE = {
    "&&": "write AND",
    "||": "write OR",
    ";": "write one predicate, its parts joined by AND or OR",
    ".": "write the name of a field or a feature alone",
    "like": "compare with = or IN",
    "ilike": "compare with = or IN",
    "select": "use a list: in_list('NAME')",
    "exists": "use a list: in_list('NAME')",
    "::": "values have the types of the definitions; leave it out",
    "^": "multiply instead",
}


def parse_syntax(text: str) -> exp.Expression:
    """The tree as sqlglot has it.

    Raises:
        PredicateError: it is too long, too deep or no expression.
    """
    if len(text) > MAX_CHARACTERS:
        raise PredicateError(
            text[:MAX_CHARACTERS],
            1,
            1,
            f"has {len(text):,} characters; at most {MAX_CHARACTERS:,} are allowed",
        )
    tokens = _allowed_tokens(text)
    if not tokens:
        raise PredicateError(text, 1, 1, "is empty; write a condition such as amount > 100")
    try:
        found = Dialect.get_or_raise(None).parser().parse_into(exp.Condition, tokens, text)
    except ParseError as error:
        raise _syntax_error(text, tokens, error) from None
    except RecursionError:
        raise PredicateError(text, 1, 1, "is nested too deeply; divide it into several rules") from None
    if len(found) != 1 or not isinstance(found[0], exp.Expression):
        raise PredicateError(text, 1, 1, "is no condition; write one such as amount > 100")
    return found[0]


def error_at(text: str, position: int, message: str) -> PredicateError:
    """An error that starts at this character, from 0."""
    line = text.count("\n", 0, position) + 1
    return PredicateError(text, line, position - (text.rfind("\n", 0, position) + 1) + 1, message)


def position_of(node: exp.Expr) -> int:
    """Its first character, as far as sqlglot knows it."""
    known = [one.meta["start"] for one in node.walk() if "start" in one.meta]
    if known or node.parent is None:
        return min(known, default=0)
    return position_of(node.parent)


def _allowed_tokens(text: str) -> list[Token]:
    try:
        tokens = Dialect.get_or_raise(None).tokenize(text)
    except SqlglotError:
        raise error_at(text, _open_quote(text), "a text has no end; texts are in single quotes") from None
    allowed = [_allowed(text, number, tokens) for number in range(len(tokens))]
    _check_nesting(text, allowed)
    return allowed


def _open_quote(text: str) -> int:
    return max(text.rfind("'"), text.rfind('"'), text.rfind("/*"), 0)


def _allowed(text: str, number: int, tokens: list[Token]) -> Token:
    """The token; a word that means nothing in predicates becomes a name."""
    token = tokens[number]
    following = tokens[number + 1] if number + 1 < len(tokens) else None
    if token.comments:
        raise error_at(text, token.start, "comments are not allowed; describe the rule in its `reason`")
    if token.token_type in _KEYWORDS | _SIGNS | _VALUES:
        return token
    if token.token_type in _MOMENTS and following and following.token_type is TokenType.STRING:
        return token
    if not _WORD.fullmatch(token.text) or token.text.lower() in _ADVICE:
        advice = _ADVICE.get(token.text.lower(), "compare fields and features and join by AND, OR and NOT")
        raise error_at(text, token.start, f"`{_short(token.text)}` is not part of predicates; {advice}")
    if following and following.token_type is TokenType.L_PAREN:
        _check_function(text, token)
    elif following and following.token_type is TokenType.STRING:
        raise _not_part(text, token)
    return Token(TokenType.VAR, token.text, token.line, token.col, token.start, token.end)


def _check_function(text: str, token: Token) -> None:
    if token.text.lower() not in FUNCTIONS:
        raise error_at(
            text, token.start,
            f"there is no function `{_short(token.text)}`; there are {', '.join(FUNCTIONS)}",
        )  # fmt: skip


def _not_part(text: str, token: Token) -> PredicateError:
    advice = _ADVICE.get(token.text.lower(), "write a sign such as = or IN between a name and a text")
    return error_at(text, token.start, f"`{_short(token.text)}` before a text is not understood; {advice}")


def _check_nesting(text: str, tokens: Iterable[Token]) -> None:
    """Refuse what would take the parser a long time."""
    depth, signs = 0, 0
    for token in tokens:
        kind = token.token_type
        depth += (kind in (TokenType.L_PAREN, TokenType.CASE)) - (kind in (TokenType.R_PAREN, TokenType.END))
        signs = signs + 1 if kind in (TokenType.NOT, TokenType.DASH, TokenType.PLUS) else 0
        if max(depth, signs) > MAX_DEPTH:
            raise error_at(
                text, token.start, f"is nested more than {MAX_DEPTH} deep; divide it into several rules"
            )


def _syntax_error(text: str, tokens: list[Token], error: ParseError) -> PredicateError:
    """Where sqlglot stopped, in our words."""
    place = error.errors[0] if error.errors else {}
    line, column = place.get("line"), place.get("col")
    token = next((one for one in tokens if (one.line, one.col) == (line, column)), tokens[-1])
    wanted = str(place.get("description", ""))
    if wanted == "Expecting )":
        return error_at(text, token.start, f"a parenthesis is not closed behind `{_short(token.text)}`")
    if token is tokens[-1] and "missing" in wanted:
        return error_at(text, token.start, f"something is missing behind `{_short(token.text)}`")
    advice = _ADVICE.get(token.text.lower(), "expected AND, OR, a comparison or the end")
    return error_at(text, token.start, f"`{_short(token.text)}` is not understood here; {advice}")


def _short(text: str) -> str:
    return text if len(text) <= 40 else f"{text[:40]}..."
