"""What a route is: one row that both the server and its OpenAPI document are built from."""

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final, Literal

from aiohttp.typedefs import Handler

from tracesvc.domain.vocabulary import AccessRole
from tracesvc.wire.replies import Reply

Schema = Mapping[str, Any]

READERS: Final = frozenset(AccessRole)
SENDERS: Final = frozenset({AccessRole.UPLOADER, AccessRole.REGULATOR, AccessRole.ADMIN})
ADMINS: Final = frozenset({AccessRole.ADMIN})


Model = type[Reply]
"""A class of `wire.replies`: the form of a body."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """One thing a caller may send beside the body."""

    name: str
    text: str
    where: Literal["path", "query", "header"] = "query"
    schema: Schema
    required: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One call. `roles` is None where no key is needed; `replies` maps a status to its model.

    `pattern` is what the server matches where a path parameter may hold slashes; `path` is what the
    document shows. `sends` maps the media types of the request body to their schemas.
    """

    method: str
    path: str
    handler: Handler
    name: str
    summary: str
    text: str = ""
    tag: str
    roles: frozenset[AccessRole] | None
    parameters: tuple[Parameter, ...] = ()
    sends: Mapping[str, Schema | Model] | None = None
    replies: Mapping[HTTPStatus, tuple[str, Model | str]]
    problems: tuple[HTTPStatus, ...] = ()
    pattern: str | None = None

    @property
    def server_path(self) -> str:
        return self.pattern or self.path
