"""A service of one's own, with its own Postgres, to be broken."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from loadtests.service import Service, start
from tests.faults.swarm import PARTY
from tracesvc.bootstrap import Office, office
from tracesvc.domain.parties import Party
from tracesvc.domain.vocabulary import AccessRole, PartyType
from tracesvc.settings import Settings


class Premises:
    """A data directory with whatever runs on it. Only processes started here are ended, by id."""

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir
        self.service: Service | None = None
        self._started: list[Service] = []

    @property
    def settings(self) -> Settings:
        return Settings(data_dir=self.data_dir)

    async def open(self) -> Service:
        """Start the service; after the first time on the same port."""
        port = int(self.service.url.rsplit(":", 1)[1]) if self.service else 0
        self.service = await start(self.data_dir, port=port)
        self._started.append(self.service)
        return self.service

    async def uploader_key(self) -> str:
        async with office(self.settings) as opened:
            return await uploader_key(opened)

    async def close(self) -> None:
        for service in self._started:
            if service.process.returncode is None:
                await service.stop()

    def postmaster(self) -> int:
        """Return the id of the server that was started for this directory."""
        lines = (self.data_dir / "pg" / "postmaster.pid").read_text().splitlines()
        assert lines[1] == str(self.data_dir / "pg")
        return int(lines[0])


async def uploader_key(opened: Office) -> str:
    now = opened.clock.now()
    party = Party(party_id=PARTY, party_type=PartyType.WHOLESALER, name=PARTY)
    await opened.parties.add(party, now=now)
    _, key = await opened.keys.create(PARTY, [AccessRole.UPLOADER], now=now)
    return key


@pytest.fixture
async def premises(tmp_path) -> AsyncIterator[Premises]:
    """A service of its own directory, stopped at the end whatever the test did to it."""
    made = Premises(tmp_path)
    await made.open()
    yield made
    await made.close()
