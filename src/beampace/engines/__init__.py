"""Programs that turn frames into merged reflections, each behind `core.ports.Engine`."""
