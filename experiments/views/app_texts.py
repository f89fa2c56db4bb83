"""The application's own texts: found, changed one by one, uploaded as a file."""

from __future__ import annotations

import json
from typing import Any, Final
from urllib.parse import urlencode

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Q
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext, ngettext
from django.views.decorators.http import require_http_methods, require_safe

from accounts.actors import Actor
from accounts.requests import signed_in_actor
from core.errors import InvalidInput, NotAllowed, StaleTransition
from core.http import HtmxRequest
from core.text import unstorable_text
from experiments.forms.app_texts import AppTextForm
from experiments.models import AppText
from experiments.services.app_texts import (
    apply_texts,
    changes_by,
    digest_of,
    may_change_texts,
    remove_text,
    save_text,
)
from experiments.text_files import MAX_FILE_BYTES, MAX_TEXTS, TextRow, read_text_file, wrong_with
from experiments.text_uses import uses_of_tokens

PAGE_SIZE: Final = 25
CHANGES_SHOWN: Final = 200


@require_safe
def text_list(request: HtmxRequest) -> HttpResponse:
    """Tokens with what they say now and the tests that try other words; typing asks for the part below the search only."""
    actor = signed_in_actor(request)
    wanted, language = _asked(request, "q"), _asked(request, "language")
    found = AppText.objects.all()
    if wanted:
        found = found.filter(Q(token__icontains=wanted) | Q(text__icontains=wanted))
    if language:
        found = found.filter(language=language)
    tokens = found.order_by("token").values_list("token", flat=True).distinct()
    page = Paginator(tokens, PAGE_SIZE).get_page(request.GET.get("page"))
    context = {
        "page": page,
        "rows": _rows(actor, list(page.object_list)),
        "wanted": wanted,
        "language": language,
        "languages": languages_known(),
        "may_change": may_change_texts(actor),
    }
    template = "experiments/texts/list.html"
    if request.htmx and request.htmx.target == "results":
        template += "#results"
    return render(request, template, context)


@require_http_methods(["GET", "HEAD", "POST"])
def text_edit(request: HtmxRequest) -> HttpResponse:
    """One text: of `?token=&language=`, or a new one. Saved only while it still says what it said."""
    actor = changing_actor(request)
    asked = request.POST if request.method == "POST" else request.GET
    token, language = asked.get("token", "").strip()[:600], asked.get("language", "").strip()[:60]
    now = _text_now(token, language)
    if request.method != "POST":
        initial = {"token": token, "language": language, "text": now or ""}
        return _text_page(request, actor, AppTextForm(initial=initial, is_new=now is None), was=now)
    was = request.POST.get("was", "").replace("\r\n", "\n") if request.POST.get("is_known") else None
    form = AppTextForm(request.POST, is_new=was is None)
    if not form.is_valid():
        return _text_page(request, actor, form, was=was, status=422)
    try:
        if request.POST.get("op") == "remove":
            change = remove_text(actor, token, language, was=was)
        else:
            typed = form.cleaned_data
            change = save_text(actor, typed["token"], typed["language"], typed["text"], was=was)
    except InvalidInput as refusal:
        form.refuse(refusal)
        return _text_page(request, actor, form, was=was, status=422)
    except StaleTransition as refusal:
        form = AppTextForm(request.POST, is_new=now is None)
        return _text_page(request, actor, form, was=now, status=409, stale=refusal.detail)
    messages.success(request, _said(change is not None and change.after is None, bool(change)))
    return _to_list(token)


@require_http_methods(["GET", "HEAD", "POST"])
def text_upload(request: HtmxRequest) -> HttpResponse:
    """A file: looked at first, then applied as it was looked at, all or none."""
    actor = changing_actor(request)
    if request.method != "POST":
        return _upload_page(request)
    try:
        texts, name = _uploaded(request)
        if request.POST.get("op") == "apply":
            expected = request.POST.get("digest", "")
            changed = apply_texts(actor, texts, source=name, expected=expected)
        else:
            return _upload_page(request, texts=texts, name=name)
    except InvalidInput as refusal:
        return _upload_page(request, [error.message for error in refusal.errors], status=422)
    except StaleTransition as refusal:
        return _upload_page(request, texts=texts, name=name, status=409, stale=refusal.detail)
    number = len(changed)
    said = ngettext("%(number)s text is changed.", "%(number)s texts are changed.", number)
    messages.success(request, said % {"number": f"{number:,}"})
    return redirect("experiments:text_list")


def changing_actor(request: HtmxRequest) -> Actor:
    """Who asks, or NotAllowed."""
    actor = signed_in_actor(request)
    if not may_change_texts(actor):
        raise NotAllowed(gettext("Only managers and superusers change the application's texts."))
    return actor


def languages_known() -> list[str]:
    """The languages that texts are known in."""
    return list(AppText.objects.order_by("language").values_list("language", flat=True).distinct()[:100])


def texts_of(tokens: list[str]) -> dict[str, list[AppText]]:
    """What these tokens say now, by token, languages in the order of the alphabet."""
    found: dict[str, list[AppText]] = {token: [] for token in tokens}
    for text in AppText.objects.filter(token__in=tokens).order_by("language"):
        found[text.token].append(text)
    return found


def _rows(actor: Actor, tokens: list[str]) -> list[dict[str, Any]]:
    uses = uses_of_tokens(actor, tokens)
    return [
        {"token": token, "texts": texts, "uses": uses.get(token, [])}
        for token, texts in texts_of(tokens).items()
    ]


def _text_now(token: str, language: str) -> str | None:
    if unstorable_text(token) or unstorable_text(language):
        return None
    return (
        AppText.objects.filter(token=token, language__iexact=language).values_list("text", flat=True).first()
    )


def _text_page(
    request: HtmxRequest,
    actor: Actor,
    form: AppTextForm,
    *,
    was: str | None,
    status: int = 200,
    stale: str = "",
) -> HttpResponse:
    token = str(form["token"].value() or "").strip()
    context = {
        "form": form,
        "was": was,
        "stale": stale,
        "token": token,
        "language": form["language"].value(),
        "languages": languages_known(),
        "uses": uses_of_tokens(actor, [token] if token and not unstorable_text(token) else []).get(token, []),
    }
    return render(request, "experiments/texts/edit.html", context, status=status)


def _uploaded(request: HtmxRequest) -> tuple[dict[tuple[str, str], str], str]:
    """The texts and the name of the file: as it is uploaded, or as the page that showed it sends it back."""
    file = request.FILES.get("file")
    if file is None and request.POST.get("op") != "apply":
        raise InvalidInput.at("file", gettext("Choose a file first."))
    if file is None:
        return _sent_back(request), _file_name(request.POST.get("name", ""))
    if (file.size or 0) > MAX_FILE_BYTES:
        raise InvalidInput.at("file", gettext("The file is larger than 1 MB: upload it in parts."))
    name = _file_name(file.name or "")
    rows = read_text_file(file.read(), name)
    return {(row.token, row.language): row.text for row in rows}, name


def _sent_back(request: HtmxRequest) -> dict[tuple[str, str], str]:
    refusal = InvalidInput.at(
        "file", gettext("What was sent is not the file you looked at. Upload it again.")
    )
    try:
        read = json.loads(request.POST.get("texts", ""))
        rows = [TextRow(number, *(str(part) for part in one)) for number, one in enumerate(read)]
    except (ValueError, TypeError, RecursionError) as error:
        raise refusal from error
    if (
        not rows
        or len(rows) > MAX_TEXTS
        or any(wrong_with(row.token, row.language, row.text) for row in rows)
    ):
        raise refusal
    return {(row.token, row.language): row.text for row in rows}


def _file_name(name: str) -> str:
    """As the changelog can keep it."""
    return "".join(char for char in name if char.isprintable())[-80:] or "a file"


def _upload_page(
    request: HtmxRequest,
    errors: list[str] | None = None,
    *,
    texts: dict[tuple[str, str], str] | None = None,
    name: str = "",
    status: int = 200,
    stale: str = "",
) -> HttpResponse:
    """The form, with what is wrong with the file; or, once it is read, with what it would change."""
    context: dict[str, Any] = {"errors": errors or [], "stale": stale, "name": name, "most": MAX_TEXTS}
    if texts is not None:
        changes = changes_by(texts)
        context |= {
            "number": len(texts),
            "changes": changes[:CHANGES_SHOWN],
            "added": sum(one.before is None for one in changes),
            "changed": sum(one.before is not None for one in changes),
            "same": len(texts) - len(changes),
            "more": max(0, len(changes) - CHANGES_SHOWN),
            "digest": digest_of(changes),
            "sent": json.dumps([[*place, text] for place, text in texts.items()], ensure_ascii=False),
        }
    return render(request, "experiments/texts/upload.html", context, status=status)


def _said(is_removed: bool, is_changed: bool) -> str:
    if is_removed:
        return gettext("Removed: it is not shown beside the texts of tests any more.")
    return gettext("Saved.") if is_changed else gettext("Nothing to save: it says that already.")


def _to_list(token: str) -> HttpResponseRedirect:
    return HttpResponseRedirect(f"{reverse('experiments:text_list')}?{urlencode({'q': token[:100]})}")


def _asked(request: HtmxRequest, name: str) -> str:
    text = request.GET.get(name, "").strip()[:100]
    return "" if unstorable_text(text) else text
