"""`Idempotency-Key` on POST: a request that is sent again is answered again, and done once."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from functools import partial
from typing import Any, Final

from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.api.actors import caller_of
from accounts.idempotency import Answer, answer_once
from core.errors import InvalidInput

HEADER: Final = "Idempotency-Key"
REPLAYED: Final = "Idempotency-Replayed"
MAX_KEY: Final = 200


class IdempotentPosts(APIView):
    """Base of views whose POST changes something. Those that only ask by POST say `keeps_answers = False`.

    No view that shows a secret may keep its answers.
    """

    keeps_answers = True

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        # After the caller is known and allowed; DRF picks the handler next, and finds this one.
        super().initial(request, *args, **kwargs)
        if request.method == "POST" and (handler := getattr(self, "post", None)):
            self.__dict__["post"] = partial(self._post, handler)

    def after_commit(self, request: Request, response: Response) -> Response:
        """What is still to do once the work of a POST is there for everybody; repeated with a repeated answer."""
        return response

    def _post(
        self, handler: Callable[..., Response], request: Request, *args: Any, **kwargs: Any
    ) -> Response:
        key = request.headers.get(HEADER) if self.keeps_answers else None
        response = (
            handler(request, *args, **kwargs)
            if key is None
            else answered_once(request, key, partial(handler, request, *args, **kwargs))
        )
        return self.after_commit(request, response) if 200 <= response.status_code < 300 else response


def answered_once(request: Request, key: str, handler: Callable[[], Response]) -> Response:
    """The handler's answer, or the one that this caller's request with this key had before."""
    _check(key)
    responses: list[Response] = []

    def work() -> Answer | None:
        response = handler()
        responses.append(response)
        if not 200 <= response.status_code < 300:
            return None
        body = "" if response.data is None else JSONRenderer().render(response.data).decode()
        return Answer(response.status_code, body, response.headers.get("Location", ""))

    answer, is_replayed = answer_once(caller_of(request), key, _digest(request), work)
    if not is_replayed or answer is None:
        return responses[0]
    headers = {REPLAYED: "true"} | ({"Location": answer.location} if answer.location else {})
    return Response(json.loads(answer.body) if answer.body else None, answer.status, headers=headers)


def _check(key: str) -> None:
    if not (1 <= len(key) <= MAX_KEY and key.isascii() and key.isprintable()):
        raise InvalidInput.at(HEADER, f"Must be 1 to {MAX_KEY} printable ASCII characters, such as a UUID.")


def _digest(request: Request) -> str:
    """Of what is asked for. Of the body what it says counts, not how it is spaced."""
    try:
        body = json.dumps(request.data, sort_keys=True)
    except RecursionError as error:
        raise InvalidInput.at("body", "The JSON is nested too deeply.") from error
    return hashlib.sha256(f"{request.method} {request.get_full_path()}\n{body}".encode()).hexdigest()
