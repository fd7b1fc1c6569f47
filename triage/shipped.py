"""Where the files that ship with the program lie: weights, configs and docs."""

from __future__ import annotations

from pathlib import Path


def shipped(folder: str) -> Path:
    """The folder ``weights``, ``configs`` or ``docs``: beside the package in a checkout, inside it in a wheel."""
    package = Path(__file__).resolve().parent
    beside = package.parent / folder
    return beside if (package.parent / "pyproject.toml").is_file() else package / "shipped" / folder
