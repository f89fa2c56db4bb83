"""Addresses of the console. Tests and user groups share them: `/tests/…` and `/groups/…`."""

from __future__ import annotations

from django.urls import path, register_converter

from experiments.lifecycle import Verb
from experiments.models import Kind
from experiments.views import (
    app_texts,
    audience,
    capacity,
    group_uses,
    health,
    history,
    lists,
    page,
    properties,
    settings_card,
    settings_editor,
    settings_preview,
    settings_versions,
    texts,
    token_test,
    worth,
)


class KindConverter:
    """`tests` ↔ test, `groups` ↔ group."""

    regex = "tests|groups"

    def to_python(self, value: str) -> str:
        return {"tests": Kind.TEST.value, "groups": Kind.GROUP.value}[value]

    def to_url(self, value: str) -> str:
        return {Kind.TEST.value: "tests", Kind.GROUP.value: "groups"}[value]


class VerbConverter:
    """The verbs of the lifecycle."""

    regex = "|".join(Verb)

    def to_python(self, value: str) -> str:
        return value

    def to_url(self, value: str) -> str:
        return value


register_converter(KindConverter, "kind")
register_converter(VerbConverter, "verb")

app_name = "experiments"
ONE = "<kind:kind>/<str:key>/"
urlpatterns = [
    path("changelog/", history.entry_list, name="entry_list"),
    path("changelog/export/", history.entry_export, name="entry_export"),
    path("texts/", app_texts.text_list, name="text_list"),
    path("texts/edit/", app_texts.text_edit, name="text_edit"),
    path("texts/upload/", app_texts.text_upload, name="text_upload"),
    path("texts/test/", token_test.token_test_create, name="token_test_create"),
    path("texts/tokens/", texts.token_options, name="token_options"),
    path("capacity/", capacity.capacity_page, name="capacity_page"),
    path("split-groups/", health.health_page, name="health_page"),
    path("split-groups/check/", health.health_check, name="health_check"),
    # The list of tests is console's: it shows what packages above this one know.
    path("groups/", lists.group_list, name="group_list"),
    # Not below /tests/, where `new` could be somebody's key.
    path("new/<kind:kind>/", lists.experiment_create, name="experiment_create"),
    path(ONE, page.experiment_page, name="experiment_page"),
    path(f"{ONE}header/", page.experiment_header, name="experiment_header"),
    path(f"{ONE}verbs/<verb:verb>/", page.experiment_verb, name="experiment_verb"),
    path(f"{ONE}approval/ask/", page.approval, {"step": "ask"}, name="approval_ask"),
    path(f"{ONE}approval/approve/", page.approval, {"step": "approve"}, name="approval_approve"),
    path(f"{ONE}properties/", properties.properties_card, name="properties_card"),
    path(f"{ONE}properties/edit/", properties.properties_edit, name="properties_edit"),
    path(f"{ONE}settings/", settings_card.settings_card, name="settings_card"),
    path(f"{ONE}settings/new/", settings_editor.settings_create, name="settings_create"),
    path(f"{ONE}settings/new/preview/", settings_preview.settings_preview, name="settings_preview"),
    path(f"{ONE}settings/new/texts/", texts.texts_preview, name="texts_preview"),
    path(f"{ONE}settings/versions/", settings_versions.settings_versions, name="settings_versions"),
    path(f"{ONE}settings/<int:number>/", settings_card.settings_group_page, name="settings_group_page"),
    path(
        f"{ONE}settings/<int:number>/progress/",
        settings_card.preparation_progress,
        name="preparation_progress",
    ),
    *(
        path(
            f"{ONE}settings/<int:number>/{act}/",
            settings_card.settings_act,
            {"act": act},
            name=f"settings_{act}",
        )
        for act in ("attach", "retry", "copy")
    ),
    path(f"{ONE}audience/", audience.audience_card, name="audience_card"),
    path(f"{ONE}uses/", group_uses.uses_card, name="uses_card"),
    path(f"{ONE}audience/recount/", audience.audience_recount, name="audience_recount"),
    path(f"{ONE}worth/", worth.worth_card, name="worth_card"),
    path(f"{ONE}changelog/", history.experiment_entry_list, name="experiment_entry_list"),
    path(f"{ONE}changelog/latest/", history.latest_card, name="latest_card"),
    path(f"{ONE}changelog/export/", history.experiment_entry_export, name="experiment_entry_export"),
]
