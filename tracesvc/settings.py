"""What an operator may set: the one reader of the environment, composed of each room's own limits.

Every setting is an environment variable `TRACESVC_<NAME>`; a limit of a room is
`TRACESVC_<ROOM>__<LIMIT>`, for example `TRACESVC_ADMISSION__CAPTURES_MAX=128`.
"""

from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from tracesvc.http.auth import AuthLimits
from tracesvc.http.services import HttpLimits
from tracesvc.ingest.admission import AdmissionLimits
from tracesvc.project.projector import ProjectorLimits
from tracesvc.query.limits import QueryLimits
from tracesvc.store.pool import PoolLimits
from tracesvc.wire.context import WireLimits
from tracesvc.worker.loop import LoopLimits


class Settings(BaseSettings):
    """The whole configuration. The defaults serve a small machine with an embedded Postgres."""

    model_config = SettingsConfigDict(
        env_prefix="TRACESVC_", env_nested_delimiter="__", extra="ignore", frozen=True
    )

    dsn: SecretStr | None = Field(
        default=None,
        description="Postgres to use, as a URL. Without it an embedded one runs in the data directory.",
    )
    data_dir: Path = Field(
        default=Path("tracesvc-data"),
        description="Where the embedded Postgres and the files of a running service live.",
    )
    host: str = Field(default="127.0.0.1", description="Address to listen on.")
    port: int = Field(default=8080, ge=0, le=65535, description="Port to listen on; 0 takes any.")
    log_format: Literal["auto", "json", "text"] = Field(
        default="auto",
        description="Log entries as JSON lines or as text; auto: text on a terminal.",
    )
    run_loops: Literal["child", "inside", "elsewhere"] = Field(
        default="child",
        description="Where `serve` runs sequencer and projector: in a process of their own, in its own, "
        "or not at all because `work` runs beside it.",
    )
    partition_months_ahead: int = Field(
        default=3, ge=1, le=24, description="Month partitions of the log made ahead of time."
    )
    admission: AdmissionLimits = AdmissionLimits()
    auth: AuthLimits = AuthLimits()
    http: HttpLimits = HttpLimits()
    loops: LoopLimits = LoopLimits()
    pool: PoolLimits = PoolLimits()
    projector: ProjectorLimits = ProjectorLimits()
    query: QueryLimits = QueryLimits()
    wire: WireLimits = WireLimits()
