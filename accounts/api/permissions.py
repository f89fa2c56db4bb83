"""Which scope an endpoint asks for."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request

from accounts.models import ApiToken, Scope

if TYPE_CHECKING:
    # DRF's views load this module by its name in the settings while they are loading themselves.
    from rest_framework.views import APIView


class HasScope(BasePermission):
    """A view names `read_scope` and `write_scope` (default `read` and `manage`); a token needs the one of its method.

    People signed in to the console have no scopes: their role decides, in the services.
    """

    message = "This token does not have the scope that this address asks for."
    default_read: ClassVar[str] = Scope.READ
    default_write: ClassVar[str] = Scope.MANAGE

    def has_permission(self, request: Request, view: APIView) -> bool:
        if not request.user.is_authenticated:
            return False
        if not isinstance(request.auth, ApiToken):
            return True
        return self.needed(str(request.method), view) in request.auth.scopes

    @classmethod
    def needed(cls, method: str, view: APIView | type[APIView]) -> str:
        """The scope that this method of the view asks for."""
        if method in SAFE_METHODS:
            return str(getattr(view, "read_scope", cls.default_read))
        return str(getattr(view, "write_scope", cls.default_write))
