"""Tests and user groups: lists, properties, lifecycle, history. Every view serves both kinds."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db.models import Q, QuerySet
from django_filters import CharFilter, FilterSet, MultipleChoiceFilter
from rest_framework import status as http
from rest_framework.generics import GenericAPIView
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.actors import Actor
from accounts.api.actors import requesting_actor
from accounts.api.idempotency import IdempotentPosts
from changelog.api import EntryFilter, EntrySerializer
from changelog.models import Entry
from core.bodies import json_object
from core.conditional import entity_tag
from core.errors import InvalidInput
from experiments.api.addresses import address
from experiments.api.schema import KindSchema, Operation, PerKind
from experiments.api.serializers import (
    ApprovalSerializer,
    GroupBody,
    GroupEdit,
    GroupEnding,
    GroupSerializer,
    TestBody,
    TestEdit,
    TestEnding,
    TestSerializer,
    VerbBody,
)
from experiments.lifecycle import Status, Verb
from experiments.models import Experiment, Kind, Side
from experiments.models.experiment import StatusChoices
from experiments.selectors import experiment_for, visible_experiments
from experiments.services import (
    apply_verb,
    approve_start,
    create_experiment,
    edit_properties,
    request_approval,
)

REPRESENTATION = PerKind(TestSerializer, GroupSerializer)
ENDING_FIELDS = frozenset({"result", "variant", "scope", "conclusion"})


class KindView(IdempotentPosts, GenericAPIView[Any]):
    """`kind` is given where the address is: as_view(kind=Kind.GROUP)."""

    kind: str = Kind.TEST
    http_method_names = ["get", "head", "post", "patch"]
    schema = KindSchema()
    operations: ClassVar[dict[str, Operation]] = {}

    def operation_of(self, method: str) -> Operation:
        return self.operations[method]

    @property
    def actor(self) -> Actor:
        return requesting_actor(self.request)

    def experiment(self, key: str) -> Experiment:
        """The test or group for this caller, or NotFound."""
        return experiment_for(self.actor, self.kind, key)

    def page(self, rows: QuerySet[Any], serializer: type[Any]) -> Response:
        """One page of the filtered rows."""
        page = self.paginate_queryset(self.filter_queryset(rows))
        return self.get_paginated_response(
            serializer(page, many=True, context=self.get_serializer_context()).data
        )

    def represent(self, experiment: Experiment) -> dict[str, Any]:
        serializer = REPRESENTATION.of(self.kind)(experiment, context=self.get_serializer_context())
        return dict(serializer.data)


class ExperimentFilter(FilterSet):
    """What to see of the tests."""

    status = MultipleChoiceFilter(
        choices=StatusChoices.choices, help_text="Only these statuses; may be repeated."
    )
    area = CharFilter(max_length=64, help_text="Only this area, exactly.")
    manager = CharFilter(
        field_name="managers__username", max_length=150, help_text="Only those that this user name manages."
    )
    tag = CharFilter(field_name="tags", method="tagged", max_length=32, help_text="Only those with this tag.")
    search = CharFilter(
        method="containing", max_length=200, help_text="Somewhere in key, name, description or Jira issue."
    )

    class Meta:
        model = Experiment
        fields: ClassVar[list[str]] = []

    def tagged(self, rows: QuerySet[Experiment], name: str, value: str) -> QuerySet[Experiment]:
        """Tags are kept in lower case."""
        return rows.filter(tags__contains=[value.lower()])

    def containing(self, rows: QuerySet[Experiment], name: str, value: str) -> QuerySet[Experiment]:
        """Every word must be found, anywhere."""
        for word in value.split():
            rows = rows.filter(
                Q(key__icontains=word)
                | Q(name__icontains=word)
                | Q(description__icontains=word)
                | Q(jira_issue__iexact=word)
            )
        return rows


class TestFilter(ExperimentFilter):
    """The same, and what only tests have."""

    __test__ = False

    side = MultipleChoiceFilter(choices=Side.choices, help_text="Only these sides; may be repeated.")


class ExperimentListView(KindView):
    """Those that the caller may know of, the newest first: drafts only of their own."""

    queryset = Experiment.objects.all()
    operations: ClassVar[dict[str, Operation]] = {
        "GET": Operation("list", "List", PerKind(TestSerializer(many=True), GroupSerializer(many=True))),
        "POST": Operation(
            "create",
            "Create a {noun} (a draft)",
            REPRESENTATION,
            201,
            PerKind(TestBody, GroupBody),
            location=True,
        ),
    }

    @property
    def filterset_class(self) -> type[FilterSet]:
        return TestFilter if self.kind == Kind.TEST else ExperimentFilter

    def get(self, request: Request) -> Response:
        rows = visible_experiments(self.actor, self.kind).select_related("current", "winner", "created_by")
        return self.page(rows.prefetch_related("managers"), REPRESENTATION.of(self.kind))

    def post(self, request: Request) -> Response:
        experiment = create_experiment(self.actor, self.kind, json_object(request))
        location = address(request, self.kind, "detail", key=experiment.key)
        return Response(self.represent(experiment), http.HTTP_201_CREATED, headers={"Location": location})


class ExperimentView(KindView):
    """Properties. What users get is changed by settings groups and verbs."""

    operations: ClassVar[dict[str, Operation]] = {
        "GET": Operation("retrieve", "Properties and status", REPRESENTATION),
        "PATCH": Operation(
            "edit",
            "Change properties",
            REPRESENTATION,
            request=PerKind(TestEdit, GroupEdit),
            headers={
                "If-Match": "The ETag or the revision that the edit is based on, instead of `revision` in the body."
            },
        ),
    }

    def get(self, request: Request, key: str) -> Response:
        return self.show(self.experiment(key))

    def patch(self, request: Request, key: str) -> Response:
        experiment = self.experiment(key)
        properties = dict(json_object(request))
        revision = _expected_revision(request, properties)
        edit_properties(self.actor, experiment, properties, expected_revision=revision)
        return self.show(self.experiment(str(properties.get("key") or key).strip()))

    def show(self, experiment: Experiment) -> Response:
        """With an ETag that begins with the revision, so that it can be sent as If-Match of an edit."""
        shown = self.represent(experiment)
        tag = entity_tag(JSONRenderer().render(shown), before=str(experiment.revision))
        return Response(shown, headers={"ETag": tag})


class VerbView(KindView):
    """One step along the lifecycle."""

    verb: Verb = Verb.PUBLISH

    def operation_of(self, method: str) -> Operation:  # it has only one
        request = (
            PerKind(TestEnding, GroupEnding) if self.verb == Verb.FINISH else PerKind(VerbBody, VerbBody)
        )
        return Operation(
            self.verb.value, f"{self.verb.capitalize()} the {{noun}}", REPRESENTATION, request=request
        )

    def post(self, request: Request, key: str) -> Response:
        experiment = self.experiment(key)
        ending_fields = ENDING_FIELDS if self.verb == Verb.FINISH else frozenset()
        body = json_object(request, known={"expected_status", *ending_fields})
        expected = body.get("expected_status")
        if expected is not None and expected not in list(Status):
            raise InvalidInput.at("expected_status", f"Must be one of: {', '.join(Status)}.")
        ending = {name: body[name] for name in ending_fields & body.keys()}
        apply_verb(self.actor, experiment, self.verb, ending, expected_status=expected)
        return Response(self.represent(self.experiment(key)))


class RequestApprovalView(KindView):
    """Ask a second person for their word before the start."""

    operations: ClassVar[dict[str, Operation]] = {
        "POST": Operation(
            "request_approval",
            "Ask for approval of the start",
            PerKind(ApprovalSerializer, ApprovalSerializer),
        )
    }

    def post(self, request: Request, key: str) -> Response:
        json_object(request, known=())
        return Response(ApprovalSerializer(request_approval(self.actor, self.experiment(key))).data)


class ApproveView(KindView):
    """Give that word; whoever asked cannot."""

    operations: ClassVar[dict[str, Operation]] = {
        "POST": Operation("approve", "Approve the start", PerKind(ApprovalSerializer, ApprovalSerializer))
    }

    def post(self, request: Request, key: str) -> Response:
        json_object(request, known=())
        return Response(ApprovalSerializer(approve_start(self.actor, self.experiment(key))).data)


class ChangelogView(KindView):
    """Everything that happened to it, the newest first."""

    queryset = Entry.objects.all()
    filterset_class = EntryFilter
    operations: ClassVar[dict[str, Operation]] = {
        "GET": Operation(
            "changelog",
            "History of the {noun}",
            PerKind(EntrySerializer(many=True), EntrySerializer(many=True)),
        )
    }

    def get(self, request: Request, key: str) -> Response:
        experiment = self.experiment(key)
        entries = Entry.objects.filter(subject_kind=experiment.subject_kind, subject_id=experiment.pk)
        return self.page(entries.select_related("actor"), EntrySerializer)


def _expected_revision(request: Request, properties: dict[str, object]) -> int | None:
    """From the body (taken out of it) or from If-Match; InvalidInput when they are no numbers."""
    revision = properties.pop("revision", None)
    if revision is not None:
        if isinstance(revision, bool) or not isinstance(revision, int):
            raise InvalidInput.at("revision", "Must be the number that this address answered as `revision`.")
        return revision
    tag = request.headers.get("If-Match", "*").strip()
    if tag == "*":
        return None
    # An ETag of this address is "<revision>-<checksum>": whoever saved the properties in between is found by the first part alone.
    number = tag.removeprefix("W/").strip('"').partition("-")[0]
    if not (number.isascii() and number.isdecimal() and len(number) <= 18):
        raise InvalidInput.at("If-Match", 'Must be an ETag of this address, a revision such as "3", or *.')
    return int(number)
