"""Where the files that ship with the program lie: weights and configs."""

from __future__ import annotations

from pathlib import Path


def shipped(folder: str) -> Path:
    """The folder ``weights`` or ``configs``, in a checkout beside the package, in an installed wheel inside it."""
    package = Path(__file__).resolve().parent
    beside = package.parent / folder
    return beside if (package.parent / "pyproject.toml").is_file() else package / "shipped" / folder
