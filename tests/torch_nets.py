"""Tiny TorchScript networks, made on the spot, laid out as those that find copies."""

from __future__ import annotations

import warnings
from pathlib import Path

import torch


class _Vectors(torch.nn.Module):
    """It sees 8 x 8 places of colour, less their mean, through directions that are always the same."""

    def __init__(self, dim: int, poison: float) -> None:
        super().__init__()
        self.directions = torch.nn.Linear(3 * 8 * 8, dim, bias=False)
        torch.nn.init.normal_(self.directions.weight, generator=torch.Generator().manual_seed(7))
        self.poison = poison

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        cells = torch.nn.functional.adaptive_avg_pool2d(images, (8, 8)).flatten(1)
        seen: torch.Tensor = self.directions(cells - cells.mean(dim=1, keepdim=True))
        return seen + self.poison


def vectors_script(path: Path, dim: int = 16, poison: float = 0.0) -> Path:
    """Write it as TorchScript; its vectors are not of unit length.

    Args:
        poison: added to every number; ``nan`` is a network that overflowed.
    """
    return scripted(_Vectors(dim, poison), path)


def scripted(module: torch.nn.Module, path: Path) -> Path:
    """Write any module as TorchScript."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", (FutureWarning, DeprecationWarning))  # torch would like another format
        torch.jit.save(torch.jit.script(module), str(path))
    return path
