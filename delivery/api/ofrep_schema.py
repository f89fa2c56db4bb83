"""Bodies of OFREP 0.3.0 as its own specification names and describes them."""

from __future__ import annotations

from typing import Any, Final

from drf_spectacular.utils import OpenApiParameter, OpenApiResponse

Schema = dict[str, Any]

_METADATA: Final[Schema] = {
    "type": "object",
    "additionalProperties": {"oneOf": [{"type": "boolean"}, {"type": "string"}, {"type": "number"}]},
}
_DETAILS: Final[Schema] = {"type": "string", "description": "For people."}
EVALUATION_REQUEST: Final[Schema] = {
    "type": "object",
    "properties": {
        "context": {
            "type": "object",
            "nullable": True,
            "description": "Who asks, and all that is known: values of profile and environment filters by name.",
            "properties": {
                "targetingKey": {
                    "type": "string",
                    "maxLength": 200,
                    "description": "The user's id. Without it a guest.",
                },
                "device_id": {"type": "string", "maxLength": 200, "nullable": True},
                "split_group": {"type": "integer", "minimum": 1, "maximum": 2400, "nullable": True},
                "supported_tests": {"type": "array", "items": {"type": "string"}, "nullable": True},
            },
        }
    },
    "example": {"context": {"targetingKey": "4711", "platform": "web", "supported_tests": ["green_button"]}},
}
EVALUATION_SUCCESS: Final[Schema] = {
    "type": "object",
    "required": ["key", "reason", "variant", "metadata"],
    "properties": {
        "key": {"type": "string"},
        "reason": {"type": "string", "enum": ["SPLIT", "TARGETING_MATCH", "DISABLED", "DEFAULT"]},
        "variant": {"type": "string", "description": "Empty where the code's default stands."},
        "value": {
            "description": "The payload of the variant or, without one, its name. Left out: the code's default stands.",
            "oneOf": [
                {"type": "boolean"},
                {"type": "string"},
                {"type": "number"},
                {"type": "array", "items": {}},
                {"type": "object", "additionalProperties": True},
            ],
        },
        "metadata": _METADATA,
    },
    "example": {
        "key": "green_button",
        "reason": "SPLIT",
        "variant": "green",
        "value": {"color": "#0a0"},
        "metadata": {"usersplit_reason": "SPLIT", "settings_group": 3},
    },
}
_FAILURE: Final[Schema] = {
    "type": "object",
    "required": ["key", "errorCode", "errorDetails"],
    "properties": {
        "key": {"type": "string"},
        "errorCode": {"type": "string", "enum": ["PARSE_ERROR", "INVALID_CONTEXT"]},
        "errorDetails": _DETAILS,
        "metadata": _METADATA,
    },
}
_BULK_FAILURE: Final[Schema] = {
    "type": "object",
    "required": ["errorCode", "errorDetails"],
    "properties": {name: _FAILURE["properties"][name] for name in ("errorCode", "errorDetails")},
}
_NOT_FOUND: Final[Schema] = _FAILURE | {
    "properties": _FAILURE["properties"] | {"errorCode": {"type": "string", "enum": ["FLAG_NOT_FOUND"]}}
}
_BULK_SUCCESS: Final[Schema] = {
    "type": "object",
    "required": ["flags", "metadata"],
    "properties": {
        "flags": {"type": "array", "items": {"oneOf": [EVALUATION_SUCCESS, _FAILURE]}},
        "metadata": {
            "type": "object",
            "required": ["version", "environment"],
            "properties": {"version": {"type": "integer"}, "environment": {"type": "string"}},
        },
    },
}


def _answer(schema: Schema, description: str) -> OpenApiResponse:
    return OpenApiResponse(schema, description)


FLAG_ANSWERS: Final = {
    200: _answer(EVALUATION_SUCCESS, "The flag."),
    400: _answer(_FAILURE, "The body or the context is not valid, or the test's file cannot be used."),
    404: _answer(_NOT_FOUND, "There is no such flag."),
}
BULK_ANSWERS: Final = {
    200: _answer(_BULK_SUCCESS, "The flags; `ETag` is that of this answer."),
    304: OpenApiResponse(description="The flags are those that the caller has."),
    400: _answer(_BULK_FAILURE, "The body or the context is not valid."),
}
BULK_PARAMETERS: Final = [
    OpenApiParameter(
        "If-None-Match", str, OpenApiParameter.HEADER, description="The ETag of the last answer."
    ),
    OpenApiParameter(
        "flagConfigEtag", str, description="Of an event stream. Taken and of no effect: there are none here."
    ),
    OpenApiParameter("flagConfigLastModified", str, description="As flagConfigEtag."),
]
