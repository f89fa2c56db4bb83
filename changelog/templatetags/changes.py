"""A change as its two sides, with what differs inside them marked for eyes and ears."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django import template
from django.contrib.humanize.templatetags.humanize import intcomma
from django.utils.html import conditional_escape, format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext, ngettext

from changelog.word_diff import Mark, Piece, has_common_words, shortened, word_diff
from core.templatetags.console import readable

register = template.Library()


@dataclass(frozen=True, slots=True)
class Sides:
    """What stood there and what stands there now, ready to be shown."""

    before: SafeString
    after: SafeString


@register.simple_tag
def sides_of(before: object, after: object) -> Sides:
    """The two values as people read them; where they have words in common the others are marked and long stretches left out."""
    old, new = readable(before), readable(after)
    is_set = all(value is not None and value != "" for value in (before, after))
    pieces = word_diff(old, new) if is_set else []
    if not has_common_words(pieces):
        return Sides(conditional_escape(old), conditional_escape(new))
    pieces = shortened(pieces)
    return Sides(
        _shown(piece for piece in pieces if piece.mark is not Mark.NEW),
        _shown(piece for piece in pieces if piece.mark is not Mark.GONE),
    )


def _shown(pieces: Iterable[Piece]) -> SafeString:
    return format_html_join("", "{}", ((_piece(piece),) for piece in pieces))


def _piece(piece: Piece) -> SafeString:
    """Struck out or underlined, and said in words: elements alone are read out by few screen readers."""
    if piece.mark is Mark.GONE:
        return format_html("<del>{}{}{}</del>", _spoken(gettext("[removed:")), piece.text, _spoken("]"))
    if piece.mark is Mark.NEW:
        return format_html("<ins>{}{}{}</ins>", _spoken(gettext("[added:")), piece.text, _spoken("]"))
    if piece.mark is Mark.CUT:
        count = len(piece.text)
        words = ngettext(
            "%(shown)s character that did not change",
            "%(shown)s characters that did not change",
            count,
        ) % {"shown": intcomma(count)}
        return format_html('<span title="{}">…{}</span>', words, _spoken(f"[{words}]"))
    return conditional_escape(piece.text)


def _spoken(words: str) -> SafeString:
    return format_html('<span class="visually-hidden us-spoken"> {} </span>', words)
