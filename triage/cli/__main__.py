"""``python -m triage.cli``: the same program, for when it starts itself."""

from triage.cli.main import app

if __name__ == "__main__":
    app()
