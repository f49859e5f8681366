"""The tables. Unique constraints carry the invariants, so that no program error can break them.

One dataset per (beamtime, identity); one job per key; one attempt per (job, number); at most one living
attempt and at most one result per job. A group belongs to the dataset alone: jobs and results have it by
reference, so that groups cannot be mixed.
"""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    UniqueConstraint,
    false,
    text,
)

from beampace.store.columns import Moment, Words, key_type

METADATA = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)

beamtimes = Table(
    "beamtimes",
    METADATA,
    Column("id", String(200), primary_key=True),
    Column("root", Words, nullable=False),
    Column("title", Words, nullable=False),
    Column("opened", Moment, nullable=False),
    Column("closed", Moment),
    Column("reason", Words, nullable=False),
    Column("root_id", Words, nullable=False, server_default=""),
    Column("core_path", Words, nullable=False, server_default=""),
)

datasets = Table(
    "datasets",
    METADATA,
    Column("id", key_type(), primary_key=True),
    Column("beamtime", ForeignKey("beamtimes.id"), nullable=False),
    Column("identity", Words, nullable=False),
    Column("path", Words, nullable=False),
    Column("place", Words, nullable=False),
    Column("name", Words, nullable=False),
    Column("kind", String(20), nullable=False),
    Column("kind_reason", Words, nullable=False),
    Column("group", Words, nullable=False),
    Column("group_said", Boolean, nullable=False),
    Column("sample", Words, nullable=False),
    Column("state", String(20), nullable=False),
    Column("generation", Integer, nullable=False),
    Column("n_announced", BigInteger, nullable=False),
    Column("n_files", BigInteger, nullable=False),
    Column("n_listed", BigInteger, nullable=False),
    Column("n_bytes", BigInteger, nullable=False),
    Column("files_mark", Words, nullable=False),
    Column("frame_time_s", Float, nullable=False),
    Column("collected", Moment),
    Column("seen", Moment, nullable=False),
    Column("ended", Moment),
    Column("last_frame", Moment),
    Column("frames_generation", Integer, nullable=False),
    Column("frames_announced", BigInteger, nullable=False),
    Column("frames_readable", BigInteger, nullable=False),
    Column("frames_analysed", BigInteger, nullable=False),
    Column("frames_failed", BigInteger, nullable=False),
    Column("failed_ranges", JSON, nullable=False),
    UniqueConstraint("beamtime", "identity"),
    Index(None, "state", "id"),
    Index(None, "beamtime", "id"),
    Index(None, "path", postgresql_using="hash"),  # a path may be longer than a B-tree takes
    sqlite_autoincrement=True,
)

jobs = Table(
    "jobs",
    METADATA,
    Column("id", key_type(), primary_key=True),
    Column("key", String(64), nullable=False, unique=True),
    Column("dataset", ForeignKey("datasets.id"), nullable=False, index=True),
    Column("generation", Integer, nullable=False),
    Column("work", String(20), nullable=False),
    Column("engine", Words, nullable=False),
    Column("work_class", String(20), nullable=False),
    Column("cores", Integer, nullable=False),
    Column("memory_mb", BigInteger, nullable=False),
    Column("time_s", BigInteger, nullable=False),
    Column("options", JSON, nullable=False),
    Column("state", Integer, nullable=False),
    Column("code", String(50), nullable=False),
    Column("detail", Words, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("cancel_wanted", Boolean, nullable=False),
    Column("planned", Moment, nullable=False),
    Column("not_before", Moment),
    Column("ended", Moment),
    Index(None, "work", "engine"),
    sqlite_autoincrement=True,
)
Index("ix_jobs_open", jobs.c.id, sqlite_where=text("state < 2"), postgresql_where=text("state < 2"))

attempts = Table(
    "attempts",
    METADATA,
    Column("id", key_type(), primary_key=True),
    Column("job", ForeignKey("jobs.key"), nullable=False),
    Column("number", Integer, nullable=False),
    Column("cluster", Words, nullable=False),
    Column("native_id", Words, nullable=False),
    Column("directory", Words, nullable=False),
    Column("state", Integer, nullable=False),
    Column("cores", Integer, nullable=False),
    Column("code", String(50), nullable=False),
    Column("detail", Words, nullable=False),
    Column("claimed", Moment, nullable=False),
    Column("submitted", Moment),
    Column("started", Moment),
    Column("first_frame", Moment),
    Column("ended", Moment),
    Column("core_seconds", Float, nullable=False),
    Column("usage_exit", Integer),
    Column("usage_signal", Integer),
    Column("usage_reason", Words),
    Column("usage_seconds", Float),
    Column("usage_cpu_s", Float),
    Column("usage_max_rss_mb", Float),
    Column("usage_cores", Integer),
    Column("n_bytes", BigInteger, nullable=False, server_default="0"),
    Column("charged_core_seconds", Float),
    UniqueConstraint("job", "number"),
    Index(None, "ended"),
    sqlite_autoincrement=True,
)
Index(
    "uq_attempts_living",
    attempts.c.job,
    unique=True,
    sqlite_where=text("state < 3"),
    postgresql_where=text("state < 3"),
)

results = Table(
    "results",
    METADATA,
    Column("id", key_type(), primary_key=True),
    Column("job", ForeignKey("jobs.key"), nullable=False, unique=True),
    Column("attempt", Integer),
    Column("directory", Words, nullable=False),
    Column("code", String(50), nullable=False),
    Column("words", Words, nullable=False),
    Column("frames_first", BigInteger),
    Column("frames_last", BigInteger),
    Column("usable", BigInteger, nullable=False),
    Column("announced", BigInteger, nullable=False),
    Column("summary", JSON, nullable=False),
    Column("n_bytes", BigInteger, nullable=False),
    Column("last_frame_to_result_s", Float),
    Column("created", Moment, nullable=False),
    Column("published", Boolean, nullable=False),
    Column("told", Boolean, nullable=False, server_default=false()),
    sqlite_autoincrement=True,
)
Index(
    "ix_results_unpublished",
    results.c.id,
    sqlite_where=text("published IS 0"),
    postgresql_where=text("published IS false"),
)
Index(
    "ix_results_untold",
    results.c.id,
    sqlite_where=text("told IS 0"),
    postgresql_where=text("told IS false"),
)

recommendations = Table(
    "recommendations",
    METADATA,
    Column("dataset", ForeignKey("datasets.id"), primary_key=True),
    Column("result", ForeignKey("results.id")),
    Column("reason", Words, nullable=False),
    Column("since", Moment, nullable=False),
)

events = Table(
    "events",
    METADATA,
    Column("id", key_type(), primary_key=True),
    Column("at", Moment, nullable=False),
    Column("topic", String(50), nullable=False),
    Column("beamtime", String(200), nullable=False),
    Column("group", Words, nullable=False),
    Column("payload", JSON, nullable=False),
    Index(None, "topic", "id"),
    Index(None, "beamtime", "id"),
    sqlite_autoincrement=True,
)

holder = Table(
    "holder",
    METADATA,
    Column("ledger", String(32), primary_key=True),
    Column("words", Words, nullable=False),
    Column("since", Moment),
)
