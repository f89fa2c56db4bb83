"""Django's gettext, whose translations the user's variant may replace.

    from usersplit_sdk.integrations.django.texts import gettext as _, gettext_lazy, pgettext

``pgettext("pay_button", "Buy")`` names the token, which is the context that ``makemessages`` files it under; a
translation without a context will do. With ``gettext`` the message is the token itself.
"""

from __future__ import annotations

from django.utils import translation
from django.utils.functional import lazy

from usersplit_sdk.integrations.django.reading import active_language
from usersplit_sdk.texts import Texts

texts = Texts(translation.gettext, translation.pgettext, language=active_language)

gettext = texts.gettext
pgettext = texts.pgettext
gettext_lazy = lazy(texts.gettext, str)
pgettext_lazy = lazy(texts.pgettext, str)
