"""Rights: whoever may look at rows in the admin may read them over the API, through a token with the scope for it.

As in the admin, whoever may change rows may look at them.
"""

from typing import Any

from rest_framework.exceptions import NotAuthenticated, PermissionDenied
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request

from eventstore.access.tokens import ApiToken


class MayAsk(BasePermission):
    """Asks the view for its `needs`, pairs of a scope and a permission; all of them must be given."""

    def has_permission(self, request: Request, view: Any) -> bool:
        if not request.user.is_authenticated:
            raise NotAuthenticated(
                "expected `Authorization: Bearer <token>`, or the session of a user who is logged in; found neither"
            )
        # Where nothing can be written, whoever may read is told so (405).
        verb = "read" if request.method in SAFE_METHODS or view.write_right is None else "write"
        for scope, right in view.needs(verb):
            if isinstance(request.auth, ApiToken) and not request.auth.allows(f"{scope}:{verb}"):
                raise PermissionDenied(
                    f"the token {request.auth.key} lacks the scope {scope}:{verb}", code="scope_missing"
                )
            if not any(map(request.user.has_perm, (right, right.replace(".view_", ".change_")))):
                raise PermissionDenied(
                    f"{request.user.get_username()} lacks the permission {right}", code="permission_missing"
                )
        return True
