"""Commands of two words, such as `simulate beamtime`, beside a command that is the first of them."""

from __future__ import annotations

from typing import Any

from typer.core import TyperGroup


class TwoWords(TyperGroup):
    """A program whose commands may have names of two words; these go before those of one.

    `simulate beamtime DIR` is then a command of its own, and `simulate DIR` stays what it was; a directory of
    that name is `./beamtime`.
    """

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Name, command and remaining words; `Any` because typer brings a copy of click of its own."""
        both = " ".join(args[:2])
        if len(args) >= 2 and both in self.commands:
            return both, self.commands[both], args[2:]
        return super().resolve_command(ctx, args)
