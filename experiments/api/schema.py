"""How views that serve both kinds describe themselves: one operation per method, with the serializers of the kind."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, cast

from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse

from experiments.api.addresses import NAMESPACES
from experiments.models import Kind

NOUNS = {Kind.TEST: "test", Kind.GROUP: "user group"}


@dataclass(frozen=True, slots=True)
class PerKind:
    """A serializer (class or instance) for each kind."""

    test: Any
    group: Any

    def of(self, kind: str) -> Any:
        return self.test if kind == Kind.TEST else self.group


@dataclass(frozen=True, slots=True)
class Operation:
    """What one method of a view takes and answers. `summary` may say {noun}."""

    name: str
    summary: str
    response: PerKind
    status: int = 200
    request: PerKind | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    location: bool = False


class DescribedView(Protocol):
    """What the schema asks of a view."""

    kind: str

    def operation_of(self, method: str) -> Operation: ...


class KindSchema(AutoSchema):
    """Reads what a `DescribedView` says of itself."""

    @property
    def _kind(self) -> Kind:
        return Kind(cast(DescribedView, self.view).kind)

    def _operation(self) -> Operation:
        return cast(DescribedView, self.view).operation_of(self.method)

    def get_operation_id(self) -> str:
        return f"{NAMESPACES[self._kind]}_{self._operation().name}"

    def get_summary(self) -> str:
        return self._operation().summary.format(noun=NOUNS[self._kind])

    def get_tags(self) -> list[str]:
        return [NAMESPACES[self._kind]]

    def get_request_serializer(self) -> Any:
        request = self._operation().request
        return request.of(self._kind) if request else None

    def get_response_serializers(self) -> Any:
        operation = self._operation()
        description = "Accepted; it is done in the background." if operation.status == 202 else ""
        return {operation.status: OpenApiResponse(operation.response.of(self._kind), description)}

    def get_override_parameters(self) -> list[Any]:
        operation = self._operation()
        asked = [
            OpenApiParameter(name, str, OpenApiParameter.HEADER, description=description)
            for name, description in operation.headers.items()
        ]
        if operation.location:
            where = "Where the new thing is."
            asked.append(
                OpenApiParameter(
                    "Location", str, OpenApiParameter.HEADER, description=where, response=[operation.status]
                )
            )
        return asked
