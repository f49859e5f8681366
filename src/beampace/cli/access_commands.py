"""The commands of `beampace access`, and their options."""

from __future__ import annotations

from typing import Annotated

import typer

from beampace.cli.daemon_commands import Config, Json, StateDir

Group = Annotated[str, typer.Option("--group", help="Name of the group.")]
Beamtime = Annotated[str, typer.Option("--beamtime", help="Its beamtime; the open one by default.")]
Staff = Annotated[bool, typer.Option("--staff", help="For beamline staff, who see all groups.")]


def register(app: typer.Typer) -> None:
    """Add the commands to the program."""
    access = typer.Typer(name="access", help="Who is let in to the pages.", no_args_is_help=True)
    for command in (link, password, revoke, audit):
        access.command()(command)
    access.command("list")(listed)
    app.add_typer(access)


def link(
    group: Group = "",
    beamtime: Beamtime = "",
    *,
    staff: Staff = False,
    wall: Annotated[
        bool, typer.Option("--wall", help="For a screen on the wall, of one group or all: it only shows.")
    ] = False,
    hours: Annotated[
        float | None, typer.Option(help="Hours it lets in; 72 by default, a screen 2160.")
    ] = None,
    note: Annotated[str, typer.Option(help="For whom, or where the screen is.")] = "",
    state_dir: StateDir = None,
    config: Config = None,
    json: Json = False,
) -> None:
    """Make a link that lets somebody in once, or a screen again and again; prints it, this once."""
    from beampace.cli.access import Whom, link_command
    from beampace.cli.calling import Where

    whom, where = Whom(group, beamtime, staff), Where(state_dir, config)
    raise typer.Exit(link_command(where, whom, wall=wall, hours=hours, note=note, json=json))


def password(
    group: Group = "",
    beamtime: Beamtime = "",
    *,
    staff: Staff = False,
    state_dir: StateDir = None,
    config: Config = None,
    json: Json = False,
) -> None:
    """Set the password of a group or of staff: typed, or the first line of standard input."""
    from beampace.cli.access import Whom, password_command
    from beampace.cli.calling import Where

    where = Where(state_dir, config)
    raise typer.Exit(password_command(where, Whom(group, beamtime, staff), json=json))


def listed(*, state_dir: StateDir = None, config: Config = None, json: Json = False) -> None:
    """Links, screens, who is logged in, and who has a password."""
    from beampace.cli.access import list_command
    from beampace.cli.calling import Where

    raise typer.Exit(list_command(Where(state_dir, config), json=json))


def revoke(
    named: Annotated[str, typer.Argument(metavar="ID", help="From the list: pass-3, session-12.")],
    *,
    state_dir: StateDir = None,
    config: Config = None,
    json: Json = False,
) -> None:
    """Take back a link or screen with the sessions it began, or end one session."""
    from beampace.cli.access import revoke_command
    from beampace.cli.calling import Where

    raise typer.Exit(revoke_command(Where(state_dir, config), named, json=json))


def audit(
    beamtime: Annotated[str, typer.Option("--beamtime", help="Of this beamtime and of staff.")] = "",
    limit: Annotated[int, typer.Option(help="Most lines.", min=1, max=1000)] = 100,
    *,
    state_dir: StateDir = None,
    config: Config = None,
    json: Json = False,
) -> None:
    """Who logged in, downloaded, reprocessed and cancelled, the last first."""
    from beampace.cli.access import audit_command
    from beampace.cli.calling import Where

    raise typer.Exit(audit_command(Where(state_dir, config), beamtime, limit, json=json))
