"""The whole service in this process on a real database."""

from collections.abc import AsyncIterator

import asyncpg
import pytest
from aiohttp import ClientSession

from tests.acceptance.client import Api, settings_for
from tracesvc.bootstrap import service


@pytest.fixture
async def api(dsn: str, pool: asyncpg.Pool) -> AsyncIterator[Api]:
    """A running service with loops, and a client for it."""
    async with service(settings_for(dsn)) as running, ClientSession() as session:
        yield Api(running.url, session, pool)
