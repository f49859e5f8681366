"""`python -m beampace`."""

from beampace.cli.main import run

if __name__ == "__main__":
    run()
