"""The aiohttp application, put together from the route table and the services."""

from aiohttp import web

from tracesvc.http.middleware import middlewares
from tracesvc.http.openapi import DOCUMENT, document
from tracesvc.http.routes import ROUTES
from tracesvc.http.services import SERVICES, Services


def make_app(services: Services, *, release: str) -> web.Application:
    """Return the application; `release` is the version its OpenAPI document names.

    Serve it with `auto_decompress=False`: uploads are unpacked by `http.body`, which counts the
    bytes, and not by the HTTP library.
    """
    app = web.Application(middlewares=middlewares(ROUTES))
    app[SERVICES] = services
    app[DOCUMENT] = document(ROUTES, release=release)
    for route in ROUTES:
        app.router.add_route(route.method, route.server_path, route.handler)
    return app
