"""Bodies of API requests: one JSON object of bounded size, in which every name is known and stands once."""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Any, Final, NoReturn

from rest_framework.exceptions import APIException
from rest_framework.parsers import BaseParser
from rest_framework.request import Request

from core.errors import FieldError, InvalidInput

MAX_BODY_BYTES: Final = 8 * 2**20
MAX_NAMES: Final = 20_000


class BodyTooLarge(APIException):
    """413."""

    status_code = 413
    default_detail = f"The body is larger than {MAX_BODY_BYTES:,} bytes."
    default_code = "too_large"


class LengthRequired(APIException):
    """411: a body in chunks without a length would be read as no body at all."""

    status_code = 411
    default_detail = "Send the length of the body (Content-Length)."
    default_code = "length_required"


class StrictJSONParser(BaseParser):
    """JSON in UTF-8. Refused: more than MAX_BODY_BYTES, a name twice in one object or too many of them, NaN, brackets deeper than can be followed."""

    media_type = "application/json"

    def parse(
        self, stream: Any, media_type: str | None = None, parser_context: Any = None
    ) -> Any:  # DRF leaves all three untyped
        # One more than allowed tells that there is more; a length that the client made up is not believed.
        content = stream.read(MAX_BODY_BYTES + 1)
        if len(content) > MAX_BODY_BYTES:
            raise BodyTooLarge
        try:
            return json.loads(content.decode("utf-8"), object_pairs_hook=_object, parse_constant=_no_constant)
        except UnicodeDecodeError as error:
            raise InvalidInput.at("body", f"Is not UTF-8 (byte {error.start}).") from error
        except RecursionError as error:
            raise InvalidInput.at("body", "The JSON is nested too deeply.") from error
        except ValueError as error:
            raise InvalidInput.at("body", f"Is not JSON: {error}.") from error


def json_object(request: Request, known: Collection[str] | None = None) -> dict[str, Any]:
    """The body as an object; no body at all is an empty one. With `known`, any other name is refused.

    Raises InvalidInput naming `body` or the unknown fields.
    """
    if request.headers.get("Transfer-Encoding") and not request.headers.get("Content-Length"):
        raise LengthRequired
    has_body = (request.headers.get("Content-Length") or "0") != "0"
    body: object = request.data if has_body else {}
    if not isinstance(body, dict):
        raise InvalidInput.at("body", 'Must be a JSON object such as {"name": "value"}.')
    if known is not None:
        unknown = sorted(body.keys() - set(known))
        offered = f"known are {', '.join(sorted(known))}" if known else "this address takes none"
        if unknown:
            raise InvalidInput(
                [FieldError(name[:64], f"There is no such field; {offered}.") for name in unknown]
            )
    return body


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(pairs) > MAX_NAMES:
        raise InvalidInput.at("body", f"An object in it has more than {MAX_NAMES:,} names.")
    found: dict[str, Any] = {}
    for name, value in pairs:
        # Which of two values counts differs between readers: nobody should have to guess.
        if name in found:
            raise InvalidInput.at(name[:64], "Stands twice in the same object.")
        found[name] = value
    return found


def _no_constant(name: str) -> NoReturn:
    raise InvalidInput.at("body", f"Is not JSON: {name} is not a number that JSON has.")
