"""Tests of wording without a developer: gettext whose translations the user's variant may replace.

    texts = Texts(gettext.gettext, gettext.pgettext, language=lambda: session.language)
    _ = texts.gettext
    _("Buy")                             # the token is the message itself
    texts.pgettext("pay_button", "Buy")  # … or its context, where one message stands in several places

The user and the request are those of ``current_split()``. Without one, without a variant, and where the variant
has no text in the language, it is the translation as ever.
"""

from __future__ import annotations

from collections.abc import Callable

from usersplit_sdk.bound import current_split

Translate = Callable[[str], str]
TranslateInContext = Callable[[str, str], str]
Language = Callable[[], str | None]


class Texts:
    """Wraps an application's gettext. ``translate_in_context`` is its ``pgettext``: extractors file a message of
    ``pgettext`` under its context. ``language`` answers the one that is being translated to; without it, the split's
    own is taken."""

    def __init__(
        self,
        translate: Translate,
        translate_in_context: TranslateInContext | None = None,
        *,
        language: Language | None = None,
    ) -> None:
        self._translate = translate
        self._translate_in_context = translate_in_context
        self._language = language

    def gettext(self, message: str) -> str:
        """The message's translation, or what the user's variant says for a token of that name."""
        return self.text(message, self._translate(message))

    def pgettext(self, token: str, message: str) -> str:
        """The same with a token of its own, which is the message's context: translated in it, else without one."""
        translation = message
        if self._translate_in_context is not None:
            translation = self._translate_in_context(token, message)
        if translation == message:
            translation = self._translate(message)
        return self.text(token, translation)

    def text(self, token: str, default: str) -> str:
        """What the user's variant says for the token, else ``default``, which is translated already."""
        split = current_split()
        if split is None:
            return default
        language = None if self._language is None else self._language()
        return split.text(token, default, language=language or None)
