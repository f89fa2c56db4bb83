"""Where a file's text names tests: in calls, in templates, as quoted keys, and by the names of generated modules."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from usersplit_sdk.additional import class_name
from usersplit_sdk.codegen import MARK, camel_case, constant_name
from usersplit_sdk.documents import KEY

SILENCE = b"usersplit: ignore"
"""A line that says so is left out."""
TEXT_LIMIT = 200

# Spelled out for Python and for the languages that write names together.
_CALLS = (
    "get_active_variant", "getActiveVariant", "GetActiveVariant", "is_in_group", "isInGroup", "IsInGroup",
    "log_hit", "logHit", "LogHit", "additional_conditions", "additionalConditions",
)  # fmt: skip
_BROAD_CALLS = ("explain", "Explain", "payload", "Payload")
"""Calls of that name may be of something else; only what looks like a key counts."""
_OF_SPLIT = "variant"
"""Too common a name by itself, but not in ``request.split.variant("…")``."""
_TAGS = ("variant", "payload", "is_in_group")

_QUOTE = r"""(?:\\?["'`]|&quot;|&\#39;)"""
_INSIDE = r"""[^"'`\\\n<>{}]"""
_PATTERN = r"""
    (?<![A-Za-z0-9_])
    (?: (?P<call>CALLS) | (?:current_)? split (?:\(\))? \. OF_SPLIT ) (?:<[\w\s,.|"']{0,80}>)? \s{0,200}
    \( \s{0,200} (?:key \s{0,200} = \s{0,200})? [rRuUbB]? (?P<q1>QUOTE) (?P<called>INSIDE{1,100}?) (?P=q1)
    (?=\s{0,200}[,)])
  | \{%-? \s{0,200} (?:TAGS) \s{1,200} (?P<q2>["']) (?P<tagged>INSIDE{1,100}?) (?P=q2)
  | evaluate/flags/ (?P<flag>[a-z][a-z0-9_]{1,63}) (?![A-Za-z0-9_{<-])
  | mark \. usersplit \( (?P<marked>[^()]{1,2000}) \)
  | (?<![A-Za-z0-9_]) class \s{1,200} (?P<class>[A-Z][A-Za-z0-9_]{1,100})
  | (?P<q3>QUOTE) (?P<quoted>[A-Za-z_][A-Za-z0-9_.:/-]{1,99}) (?P=q3)
  OTHERS
"""
_ODD = "| (?P<q4>QUOTE) (?P<odd>TOKENS) (?P=q4)"
_EACH_WORD = "| (?<![A-Za-z0-9_]) (?P<word>[A-Za-z_][A-Za-z0-9_]+)"
_TAG = re.compile(rf"{{%-?\s*(?:{'|'.join(_TAGS)})\s".encode())
_QUOTED = re.compile(rb"""["'`;]([A-Za-z_][A-Za-z0-9_.:/-]{1,99})[\\"'`&]""")
_WORD = re.compile(rb"[A-Za-z_][A-Za-z0-9_]+")
_PLAIN_TOKEN = re.compile(r"[A-Za-z_][A-Za-z0-9_.:/-]{1,99}")
_GENERATED = re.compile(rb"^([A-Z][A-Z0-9_]{1,63}): Final = [\"']([a-z][a-z0-9_]{1,63})[\"']", re.MULTILINE)
_KEYWORD = re.compile(rb"(?<![A-Za-z0-9_.])([a-z][a-z0-9_]{1,63})\s{0,200}=(?!=)")
_CONDITIONS = b"check_additional_conditions"
_CONDITIONS_WITHIN = 4000


class Place(NamedTuple):
    """Where something stands: line and column from 1, the column in characters; and the line's text, shortened."""

    line: int
    column: int
    text: str


class Use(NamedTuple):
    """``name`` is what stands there: a key, a token, or a name of a generated module. ``kind`` is one of

    ``call``, ``template``, ``text`` (a quoted key), ``token`` (a quoted token of its texts), ``word`` (unquoted),
    ``conditions`` (a class of additional conditions), ``name`` (of a generated module) and ``generated`` (a key in
    a generated module).
    """

    kind: str
    name: str
    place: Place


class Vocabulary:
    """What to look for: keys, tokens of texts with the tests that have them, and the names made from keys.

    ``modules`` are the generated modules of the code base, with the keys in each. Their names count in files that
    mention such a module: ``CHECKOUT`` alone is a word like any other. ``words``: unquoted keys count as well.
    """

    def __init__(
        self,
        keys: Iterable[str],
        tokens: Mapping[str, Sequence[str]],
        modules: Mapping[str, Iterable[str]] | None = None,
        *,
        words: bool = False,
    ) -> None:
        self.tokens = tokens
        self.keys = set(keys)
        self.classes = {class_name(key): key for key in self.keys}
        self.names: dict[str, str] = {}
        for key in {key for listed in (modules or {}).values() for key in listed}:
            self.names[constant_name(key)] = key
            self.names[f"get_{key}"] = self.names[f"log_{key}"] = self.names[f"is_in_{key}"] = key
            self.names[f"{camel_case(key)}Test"] = self.names[f"{camel_case(key)}Variant"] = key
        self._words = words
        self._modules = [module.encode() for module in modules or ()]
        odd = [token for token in tokens if token and _PLAIN_TOKEN.fullmatch(token) is None]
        self._pattern = _compile(odd, words=False)
        self._pattern_with_words = _compile(odd, words=True)
        broad = [
            f"{call}{opening}"
            for call in (*_BROAD_CALLS, f"split.{_OF_SPLIT}", f"split().{_OF_SPLIT}")
            for opening in "(<"
        ]
        signs = (*_CALLS, *broad, *odd, "mark.usersplit(", "evaluate/flags/")
        self._signs = (*(sign.encode("utf-8", "surrogatepass") for sign in signs), _CONDITIONS)
        self._quoted = {name.encode("utf-8", "surrogatepass") for name in (*self.keys, *tokens)}
        self._each_word = {name.encode() for name in (*self.names, *(self.keys if words else ()))}

    def uses(self, body: bytes) -> Iterator[Use]:
        """Every use in a file's bytes, in order; calls and template tags of unknown keys among them."""
        if body.startswith(MARK.encode()):
            yield from _generated(body)
            return
        # Quick looks, in C, that spare most files the closer one.
        words = self._words or any(module in body for module in self._modules)
        words = words and not self._each_word.isdisjoint(_WORD.findall(body))
        if not (
            words
            or any(sign in body for sign in self._signs)
            or (b"{%" in body and _TAG.search(body) is not None)
            or not self._quoted.isdisjoint(_QUOTED.findall(body))
        ):
            return
        places = _Places(body)
        for found in (self._pattern_with_words if words else self._pattern).finditer(body):
            for kind, name, start in self._named(found, body):
                place = places.of(start)
                if place is not None:
                    yield Use(kind, name, place)

    def _named(self, found: re.Match[bytes], body: bytes) -> Iterable[tuple[str, str, int]]:
        """The kind, the name and where it starts; nothing if the match is nothing of ours."""
        if found.lastgroup == "marked":
            keywords = _KEYWORD.finditer(body, *found.span("marked"))
            return [("call", keyword[1].decode(), keyword.start(1)) for keyword in keywords]
        named = self._named_once(found, body)
        return () if named is None else (named,)

    def _named_once(self, found: re.Match[bytes], body: bytes) -> tuple[str, str, int] | None:
        group = found.lastgroup or ""
        name = found[group].decode("utf-8", "replace")
        start = found.start(group)
        if group == "word":
            if name in self.names:
                return "name", name, start
            return ("word", name, start) if self._words and name in self.keys else None
        if group == "class":
            known = name in self.classes and _CONDITIONS in body[start : start + _CONDITIONS_WITHIN]
            return ("conditions", name, start) if known else None
        if group == "called":
            # A dot or three stand for a key in somebody's documentation.
            if not any(character.isalnum() for character in name):
                return None
            call = found["call"]
            if call is not None and call.decode() in _BROAD_CALLS and KEY.fullmatch(name) is None:
                return None
            return "call", name, start
        if group in ("tagged", "flag"):
            return "template" if group == "tagged" else "call", name, start
        if name in self.keys:
            return "text", name, start
        return ("token", name, start) if name in self.tokens else None


def keys_of_module(body: bytes) -> list[str]:
    """The keys in a generated module."""
    return [found[2].decode() for found in _GENERATED.finditer(body)]


def _compile(odd_tokens: Sequence[str], *, words: bool) -> re.Pattern[bytes]:
    others = ""
    if odd_tokens:
        longest_first = sorted(odd_tokens, key=len, reverse=True)
        others = _ODD.replace("TOKENS", "|".join(map(_spelled, longest_first)))
    others += _EACH_WORD if words else ""
    pattern = _PATTERN.replace("CALLS", "|".join((*_CALLS, *_BROAD_CALLS))).replace("OF_SPLIT", _OF_SPLIT)
    pattern = pattern.replace("TAGS", "|".join(_TAGS)).replace("INSIDE", _INSIDE)
    pattern = pattern.replace("OTHERS", others).replace("QUOTE", _QUOTE)
    return re.compile(pattern.encode(), re.VERBOSE)


def _spelled(token: str) -> str:
    """A pattern of the token's bytes that holds nothing with a meaning of its own."""
    return "".join(f"\\x{byte:02x}" for byte in token.encode("utf-8", "surrogatepass"))


def _generated(body: bytes) -> Iterator[Use]:
    places = _Places(body)
    for found in _GENERATED.finditer(body):
        place = places.of(found.start(2))
        if place is not None:
            yield Use("generated", found[2].decode(), place)


class _Places:
    """Lines and columns of places that are asked for in ascending order, each byte being looked at once."""

    def __init__(self, body: bytes) -> None:
        self._body = body
        self._line = 1
        self._begin = 0
        self._end = -1
        self._counted = 0
        self._column = 1

    def of(self, at: int) -> Place | None:
        """None on a line that wants to be left out."""
        body = self._body
        newlines = body.count(b"\n", self._counted, at)
        if newlines:
            self._line += newlines
            self._begin = self._counted = body.rindex(b"\n", 0, at) + 1
            self._column = 1
        self._column += len(body[self._counted : at].decode("utf-8", "replace"))
        self._counted = at
        if at > self._end:
            end = body.find(b"\n", at)
            self._end = len(body) if end < 0 else end
        end = self._end
        if SILENCE in body[max(self._begin, at - TEXT_LIMIT * 5) : min(end, at + TEXT_LIMIT * 5)]:
            return None
        begin = max(self._begin, at - TEXT_LIMIT // 2)
        text = body[begin : min(end, begin + TEXT_LIMIT)].decode("utf-8", "replace")
        return Place(self._line, self._column, text.strip())
