"""Jobs: one thing to do, durable. Every write is a job, also when it runs at once."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Self

from ytpool.domain import moments
from ytpool.errors import UsageWrong

CHORES = "video."
"""How the kinds of jobs begin that change a video that is there."""

HIGHEST_PRIORITY = 1_000_000

UPLOAD = "upload"
"""The kind of the jobs that publish a file."""

TASK = "task"
"""The kind of the jobs that another service does for us."""


class JobState(StrEnum):
    """Where a job stands."""

    QUEUED = "queued"
    RUNNING = "running"
    DEFERRED = "deferred"
    """It waits for a known time, or for a person; `not_before` says which."""
    INTERRUPTED = "interrupted"
    """It stopped half way and goes on from there."""
    FINISHED_UNKNOWN = "finished_unknown"
    """The last bytes may have arrived and the answer did not: nothing is repeated before this is known."""
    DONE = "done"
    PARTLY = "partly"
    """The video is up, and a later step failed."""
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_over(self) -> bool:
        """Nothing is left to do."""
        return self in (JobState.DONE, JobState.FAILED, JobState.CANCELLED)

    @property
    def has_ended(self) -> bool:
        """What it was for is done or given up; steps that go along may be left."""
        return self.is_over or self is JobState.PARTLY


class TargetKind(StrEnum):
    """What a job names."""

    ACCOUNT = "account"
    POOL = "pool"
    PROVIDER = "provider"
    """A service that runs tasks; any of its keys is right."""
    CHAIN = "chain"
    """Services that stand in for each other."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """The account or the pool a job is for; naming a pool means that any channel of it is right."""

    kind: TargetKind
    name: str

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class InLine:
    """How a job is to wait for its turn."""

    priority: int = 0
    not_before: datetime | None = None
    deadline: datetime | None = None

    @property
    def fault(self) -> str:
        """Say what is wrong with it whatever it is for; empty where nothing is."""
        if self.not_before is not None and self.deadline is not None and self.deadline <= self.not_before:
            return "the deadline is no later than the moment before which it may not begin"
        return ""

    def require_time(self, now: datetime) -> None:
        """Refuse a deadline that is over, where nothing is begun after it."""
        if self.deadline is not None and self.deadline <= now:
            raise UsageWrong(f"the deadline is over, {moments.spoken(self.deadline)}: nobody would begin it")


class StepState(StrEnum):
    """Where one step of a job stands."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step of a job, with what there is to say about it."""

    step: str
    state: StepState
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What the state knows of a job."""

    job: str
    kind: str
    state: JobState
    target: Target
    job_key: str
    fingerprint: str
    sha256: str | None
    request: str
    account: str | None
    channel_id: str | None
    video_id: str | None
    attempts: int
    not_before: datetime | None
    error_code: str
    error: str
    error_reason: str
    created_at: datetime
    updated_at: datetime
    priority: int = 0
    """Whoever works the line off takes a higher one first."""
    deadline: datetime | None = None
    agreed: bool = False
    """A person has said yes, when it was asked for, to what it destroys."""
    held_at: datetime | None = None
    """Since when an operator holds it back; nobody takes it until it is let go."""
    files_on: str | None = None
    """The machine on which the files it sends lay when it was asked for, where that is known."""

    @property
    def about(self) -> str | None:
        """The video that it published, or that it is to change."""
        return self.video_id or (self.job_key if self.is_chore else None)

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Self:
        return cls(
            job=row["job"],
            kind=row["kind"],
            state=JobState(row["state"]),
            target=Target(kind=TargetKind(row["target_kind"]), name=row["target"]),
            job_key=row["job_key"],
            fingerprint=row["fingerprint"],
            sha256=row["sha256"],
            request=row["request"],
            account=row["account"],
            channel_id=row["channel_id"],
            video_id=row["video_id"],
            attempts=row["attempts"],
            not_before=moments.parse_optional(row["not_before"]),
            error_code=row["error_code"],
            error=row["error"],
            error_reason=row["error_reason"],
            created_at=moments.parse(row["created_at"]),
            updated_at=moments.parse(row["updated_at"]),
            priority=row["priority"],
            deadline=moments.parse_optional(row["deadline"]),
            agreed=bool(row["agreed"]),
            held_at=moments.parse_optional(row["held_at"]),
            files_on=row["files_on"],
        )

    @property
    def is_upload(self) -> bool:
        """It publishes a file."""
        return self.kind == UPLOAD

    @property
    def is_chore(self) -> bool:
        """It changes a video that is there, as `ytpool video` does."""
        return self.kind.startswith(CHORES)

    @property
    def deletes(self) -> bool:
        return self.kind == f"{CHORES}delete"

    @property
    def wants_a_yes(self) -> bool:
        """It destroys something, and nobody has agreed to that beforehand."""
        return self.deletes and not self.agreed

    @property
    def published(self) -> bool:
        return self.state in (JobState.DONE, JobState.PARTLY)
