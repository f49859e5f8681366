"""The ledger: beamtimes, datasets, jobs, attempts, results, recommendations and events."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Make the tables."""
    _beamtimes()
    _events()
    _datasets()
    _jobs()
    _attempts()
    _results()
    _recommendations()


def _beamtimes() -> None:
    op.create_table(
        "beamtimes",
        sa.Column("id", sa.String(length=200), nullable=False),
        sa.Column("root", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("opened", MOMENT, nullable=False),
        sa.Column("closed", MOMENT, nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_beamtimes")),
    )


def _events() -> None:
    op.create_table(
        "events",
        sa.Column("id", KEY, nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("topic", sa.String(length=50), nullable=False),
        sa.Column("beamtime", sa.String(length=200), nullable=False),
        sa.Column("group", sa.Text(), nullable=False),
        sa.Column("payload", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_events")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_events_beamtime_id"), "events", ["beamtime", "id"])
    op.create_index(op.f("ix_events_topic_id"), "events", ["topic", "id"])


def _datasets() -> None:
    op.create_table(
        "datasets",
        sa.Column("id", KEY, nullable=False),
        sa.Column("beamtime", sa.String(length=200), nullable=False),
        sa.Column("identity", sa.Text(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("place", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("kind_reason", sa.Text(), nullable=False),
        sa.Column("group", sa.Text(), nullable=False),
        sa.Column("group_said", sa.Boolean(), nullable=False),
        sa.Column("sample", sa.Text(), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("n_announced", sa.BigInteger(), nullable=False),
        sa.Column("n_files", sa.BigInteger(), nullable=False),
        sa.Column("n_listed", sa.BigInteger(), nullable=False),
        sa.Column("n_bytes", sa.BigInteger(), nullable=False),
        sa.Column("files_mark", sa.Text(), nullable=False),
        sa.Column("frame_time_s", sa.Float(), nullable=False),
        sa.Column("collected", MOMENT, nullable=True),
        sa.Column("seen", MOMENT, nullable=False),
        sa.Column("ended", MOMENT, nullable=True),
        sa.Column("last_frame", MOMENT, nullable=True),
        sa.Column("frames_generation", sa.Integer(), nullable=False),
        sa.Column("frames_announced", sa.BigInteger(), nullable=False),
        sa.Column("frames_readable", sa.BigInteger(), nullable=False),
        sa.Column("frames_analysed", sa.BigInteger(), nullable=False),
        sa.Column("frames_failed", sa.BigInteger(), nullable=False),
        sa.Column("failed_ranges", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["beamtime"], ["beamtimes.id"], name=op.f("fk_datasets_beamtime_beamtimes")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_datasets")),
        sa.UniqueConstraint("beamtime", "identity", name=op.f("uq_datasets_beamtime_identity")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_datasets_beamtime_id"), "datasets", ["beamtime", "id"])
    op.create_index(op.f("ix_datasets_path"), "datasets", ["path"], postgresql_using="hash")
    op.create_index(op.f("ix_datasets_state_id"), "datasets", ["state", "id"])


def _jobs() -> None:
    op.create_table(
        "jobs",
        sa.Column("id", KEY, nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("dataset", KEY, nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("work", sa.String(length=20), nullable=False),
        sa.Column("engine", sa.Text(), nullable=False),
        sa.Column("work_class", sa.String(length=20), nullable=False),
        sa.Column("cores", sa.Integer(), nullable=False),
        sa.Column("memory_mb", sa.BigInteger(), nullable=False),
        sa.Column("time_s", sa.BigInteger(), nullable=False),
        sa.Column("options", sa.JSON(), nullable=False),
        sa.Column("state", sa.Integer(), nullable=False),
        sa.Column("code", sa.String(length=50), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("cancel_wanted", sa.Boolean(), nullable=False),
        sa.Column("planned", MOMENT, nullable=False),
        sa.Column("not_before", MOMENT, nullable=True),
        sa.Column("ended", MOMENT, nullable=True),
        sa.ForeignKeyConstraint(["dataset"], ["datasets.id"], name=op.f("fk_jobs_dataset_datasets")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_jobs")),
        sa.UniqueConstraint("key", name=op.f("uq_jobs_key")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_jobs_dataset"), "jobs", ["dataset"])
    op.create_index(
        "ix_jobs_open",
        "jobs",
        ["id"],
        sqlite_where=sa.text("state < 2"),
        postgresql_where=sa.text("state < 2"),
    )
    op.create_index(op.f("ix_jobs_work_engine"), "jobs", ["work", "engine"])


def _attempts() -> None:
    op.create_table(
        "attempts",
        sa.Column("id", KEY, nullable=False),
        sa.Column("job", sa.String(length=64), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("cluster", sa.Text(), nullable=False),
        sa.Column("native_id", sa.Text(), nullable=False),
        sa.Column("directory", sa.Text(), nullable=False),
        sa.Column("state", sa.Integer(), nullable=False),
        sa.Column("cores", sa.Integer(), nullable=False),
        sa.Column("code", sa.String(length=50), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("claimed", MOMENT, nullable=False),
        sa.Column("submitted", MOMENT, nullable=True),
        sa.Column("started", MOMENT, nullable=True),
        sa.Column("first_frame", MOMENT, nullable=True),
        sa.Column("ended", MOMENT, nullable=True),
        sa.Column("core_seconds", sa.Float(), nullable=False),
        sa.Column("usage_exit", sa.Integer(), nullable=True),
        sa.Column("usage_signal", sa.Integer(), nullable=True),
        sa.Column("usage_reason", sa.Text(), nullable=True),
        sa.Column("usage_seconds", sa.Float(), nullable=True),
        sa.Column("usage_cpu_s", sa.Float(), nullable=True),
        sa.Column("usage_max_rss_mb", sa.Float(), nullable=True),
        sa.Column("usage_cores", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["job"], ["jobs.key"], name=op.f("fk_attempts_job_jobs")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attempts")),
        sa.UniqueConstraint("job", "number", name=op.f("uq_attempts_job_number")),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "uq_attempts_living",
        "attempts",
        ["job"],
        unique=True,
        sqlite_where=sa.text("state < 3"),
        postgresql_where=sa.text("state < 3"),
    )


def _results() -> None:
    op.create_table(
        "results",
        sa.Column("id", KEY, nullable=False),
        sa.Column("job", sa.String(length=64), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=True),
        sa.Column("directory", sa.Text(), nullable=False),
        sa.Column("code", sa.String(length=50), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("frames_first", sa.BigInteger(), nullable=True),
        sa.Column("frames_last", sa.BigInteger(), nullable=True),
        sa.Column("usable", sa.BigInteger(), nullable=False),
        sa.Column("announced", sa.BigInteger(), nullable=False),
        sa.Column("summary", sa.JSON(), nullable=False),
        sa.Column("n_bytes", sa.BigInteger(), nullable=False),
        sa.Column("last_frame_to_result_s", sa.Float(), nullable=True),
        sa.Column("created", MOMENT, nullable=False),
        sa.Column("published", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["job"], ["jobs.key"], name=op.f("fk_results_job_jobs")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_results")),
        sa.UniqueConstraint("job", name=op.f("uq_results_job")),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "ix_results_unpublished",
        "results",
        ["id"],
        sqlite_where=sa.text("published IS 0"),
        postgresql_where=sa.text("published IS false"),
    )


def _recommendations() -> None:
    op.create_table(
        "recommendations",
        sa.Column("dataset", KEY, nullable=False),
        sa.Column("result", KEY, nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("since", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(
            ["dataset"], ["datasets.id"], name=op.f("fk_recommendations_dataset_datasets")
        ),
        sa.ForeignKeyConstraint(["result"], ["results.id"], name=op.f("fk_recommendations_result_results")),
        sa.PrimaryKeyConstraint("dataset", name=op.f("pk_recommendations")),
    )
