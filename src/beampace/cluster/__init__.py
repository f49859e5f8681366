"""Where jobs run: `local` processes behind the cluster protocol of `core.ports`."""
