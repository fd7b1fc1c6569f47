"""A net for finding copies as TorchScript, such as SSCD's: the only file of this stage that knows torch.

SSCD (https://github.com/facebookresearch/sscd-copy-detection, MIT) hands its models out as TorchScript files,
``sscd_disc_mixup.torchscript.pt`` among them. As its README says, they take RGB normalised with ImageNet's mean and
deviation, 288 px, and answer with 512 numbers. Nothing of it is shipped here.

A TorchScript file is a program. Unlike a pickle, it cannot name Python classes or functions when it is read, but what
it may call are torch's own operations, and some of them read and write files. Add only one whose source you trust.
"""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import torch

from triage.errors import DetectorError, WeightsError
from triage.network import Images, Numbers, first_line
from triage.weights import Weights

MEAN = (0.485, 0.456, 0.406)
DEVIATION = (0.229, 0.224, 0.225)
"""Of ImageNet, red first; torchvision's, which SSCD normalises with."""
AT_ONCE = 14
"""Pictures that are run at once, two frames: more is no faster on a processor and takes gigabytes with a ResNet-50."""


class TorchScriptNet:
    """One input of normalised RGB, one output of vectors; on the processor, in 32 bits."""

    def __init__(self, weights: Weights) -> None:
        """Open the model.

        Raises:
            WeightsError: the file cannot be read as TorchScript.
        """
        self.side_px = weights.input_px
        self.runs_on = f"torch {torch.__version__} CPU f32"
        self._mean = torch.tensor(MEAN).reshape(1, 3, 1, 1)
        self._deviation = torch.tensor(DEVIATION).reshape(1, 3, 1, 1)
        self._model = _read(weights.file)

    def vectors(self, images: Images, name: str) -> Numbers:
        try:
            with torch.inference_mode():
                answers = [self._model(self._normalised(piece)) for piece in _pieces(images)]
        except (RuntimeError, TypeError, NotImplementedError) as error:  # TorchScript's own errors are RuntimeErrors
            raise DetectorError(f"{name} failed: {first_line(error)}") from error
        if not all(isinstance(answer, torch.Tensor) and answer.is_floating_point() for answer in answers):
            raise DetectorError(f"{name} failed: its answer is no vector but {type(answers[0]).__name__}")
        numbers = torch.cat(answers).float().numpy()
        if not np.isfinite(numbers).all():
            raise DetectorError(f"{name} failed: the network's answer is not a number")
        return numbers

    def _normalised(self, images: Images) -> torch.Tensor:
        rgb = np.ascontiguousarray(images[..., ::-1].transpose(0, 3, 1, 2))
        return (torch.from_numpy(rgb).float() / 255 - self._mean) / self._deviation


def _read(file: Path) -> torch.jit.ScriptModule:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", (FutureWarning, DeprecationWarning))  # torch would like another format
            model: torch.jit.ScriptModule = torch.jit.load(str(file), map_location="cpu")  # type: ignore[no-untyped-call]
    except (RuntimeError, ValueError, OSError) as error:
        raise WeightsError(
            f"{file}: cannot be read as TorchScript ({first_line(error)}); wanted is a file that torch.jit.save wrote, "
            "such as SSCD's sscd_disc_mixup.torchscript.pt, or an ONNX file"
        ) from error
    return model.eval()


def _pieces(images: Images) -> list[Images]:
    return [images[start : start + AT_ONCE] for start in range(0, len(images), AT_ONCE)]
