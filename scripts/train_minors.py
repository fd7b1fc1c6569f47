# SPDX-License-Identifier: AGPL-3.0-or-later
"""Train and export `minors`: a face crop in, the probability of being under 18 out. Never an age, never gender.

It starts from the float weights of face-api.js' age net (MIT). That net's second output, gender, is left out when its
weights are read, and its age output is a helper during training alone. What is learned:

* CONSISTENCY: the teacher's word on the clean, tight crop (a mean over small shifts, turns and the mirror) is to be
  given for the same face drawn too wide, turned, small, blurred, dark, noisy, grey or compressed.
* FairFace's bands, weakly: under 10 and from 20 on are certain; 10-19 straddles the line, see ``teen_target``.

Only the last layers learn; what comes before is the teacher's, so that the crops pass it once and training takes
minutes on one core. Figures come from faces that a net was not trained on: five folds by picture, five nets, and their
answers pooled. The net that ships is a sixth, trained on all faces by the same recipe, with the calibration of the
pooled answers.
"""

from __future__ import annotations

import argparse
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import cv2
import numpy as np
import onnx_files
import torch
from eval_objects import DATA, REPO, Array  # first of all: it switches off what OpenVINO would report
from minor_faces import CHILD_BANDS, FOLDS, SIDE, TEEN_BAND, Face, Worsening, crop, drawn, fairface, other_faces
from minor_net import MIDDLE_YEARS, YEARS_PER_LOGIT, FaceNet, Shipped, from_teacher
from torch import nn
from torch.nn import functional

WORK = Path(tempfile.gettempdir()) / "train_minors"
TEEN_SHARE = 0.8
"""Share of a band of 10 to 19 years that is under 18, if all years are as frequent."""
BATCH, STEPS, RATE = 64, 400, 1e-3
VIEWS, OTHER_VIEWS = 24, 6
"""Worsened views of each face with a band, and of each other one."""
LABELLED_SHARE = 0.6


def as_images(crops: list[Array]) -> torch.Tensor:
    """BGR crops as a batch (N, 3, 112, 112), RGB in 0-1."""
    stacked = np.ascontiguousarray(np.stack(crops)[..., ::-1].transpose(0, 3, 1, 2))
    return torch.from_numpy(stacked).float().div_(255).contiguous(memory_format=torch.channels_last)


LOOKS = [
    Worsening(margin=margin, shift=(dx, dy), turn=turn, mirrored=mirrored)
    for margin, dx, dy, turn in (
        (0, 0, 0, 0),
        (-0.03, 0, 0, 4),
        (0.04, 0, 0, -4),
        (0, 0.04, 0.02, 0),
        (0, -0.04, 0.02, 0),
    )
    for mirrored in (False, True)
]
"""The small differences over which the teacher's word is averaged."""


@torch.inference_mode()
def front_of(net: FaceNet, crops: list[Array]) -> torch.Tensor:
    """(N, 256, 7, 7) in half precision, which is all that the training keeps of a crop."""
    with torch.autocast("cpu", torch.bfloat16):
        parts = [net.front(as_images(crops[at : at + BATCH])).bfloat16() for at in range(0, len(crops), BATCH)]
    return torch.cat(parts)


def teacher_years(net: FaceNet, faces: list[Face]) -> list[float]:
    """What the teacher says of each clean face, averaged over ``LOOKS``; over fewer where there is no band."""
    answers = []
    for face in faces:
        looks = LOOKS if face.band else LOOKS[:4]
        with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
            answers.append(net.back(net.front(as_images([crop(face, how) for how in looks])))[1].float().mean().item())
    return answers


@dataclass(frozen=True)
class Target:
    """What a net is to say of a face."""

    under: float
    years: float
    weight: float


def target(face: Face, years: float) -> Target:
    """From the teacher's years and, where there is one, the band."""
    log_odds = (MIDDLE_YEARS - years) / YEARS_PER_LOGIT
    if not face.band:
        return Target(float(np.clip(_sigmoid(log_odds), 0.02, 0.98)), years, 0.7)
    low, high = (int(text) for text in face.band.replace("+", "-90").split("-"))
    within = float(np.clip(years, low, high + 0.99))
    if face.band in CHILD_BANDS:
        return Target(0.985, within, 1.0)
    if face.band == TEEN_BAND:
        return Target(teen_target(log_odds), within, 1.0)
    return Target(float(np.clip(_sigmoid(_logit(0.05) + 0.5 * log_odds), 0.01, 0.3)) if low < 30 else 0.01, within, 1.0)


def teen_target(log_odds: float) -> float:
    """A soft target for 10 to 19 years: 0.8 where the teacher is even, more or less by its word, never below a half."""
    return float(np.clip(_sigmoid(_logit(TEEN_SHARE) + 0.7 * log_odds), 0.5, 0.98))


def _sigmoid(x: float) -> float:
    return float(1 / (1 + np.exp(-x)))


def _logit(p: float) -> float:
    return float(np.log(p / (1 - p)))


@dataclass(frozen=True)
class Pool:
    """Worsened views of all faces, as the front sees them, with what is to be said of each."""

    seen: torch.Tensor
    """(views, 256, 7, 7), bfloat16."""
    under: Array
    years: Array
    weight: Array
    fold: Array
    has_band: Array


def fill_pool(faces: list[Face], targets: list[Target], net: FaceNet) -> Pool:
    """Draw the views; a face without a band gets fewer."""
    generator = np.random.default_rng(18)
    index = np.repeat(np.arange(len(faces)), [VIEWS if face.band else OTHER_VIEWS for face in faces])
    seen = [
        front_of(net, [crop(faces[one], drawn(generator, faces[one].face_px), generator) for one in part])
        for part in np.array_split(index, len(index) // 512 + 1)
    ]
    fold, has_band = np.array([faces[one].fold for one in index]), np.array([bool(faces[one].band) for one in index])
    return Pool(torch.cat(seen), *_stacked([targets[one] for one in index]), fold, has_band)


def _stacked(targets: list[Target]) -> tuple[Array, Array, Array]:
    under, years, weight = (
        np.array([getattr(one, name) for one in targets], np.float32) for name in ("under", "years", "weight")
    )
    return under, years, weight


class Fit:
    """One training: optimiser, schedule and a running mean of the weights, which is what is kept."""

    def __init__(self, net: FaceNet, trained: list[nn.Parameter], steps: int) -> None:
        """Train these parameters of a net for so many steps."""
        self._trained = trained
        self._optimiser = torch.optim.AdamW(trained, lr=RATE, weight_decay=0.02)
        self._schedule = torch.optim.lr_scheduler.OneCycleLR(self._optimiser, RATE, total_steps=steps, pct_start=0.1)
        mean = torch.optim.swa_utils.get_ema_multi_avg_fn(0.98)  # type: ignore[no-untyped-call]
        self._mean_of = torch.optim.swa_utils.AveragedModel(net, multi_avg_fn=mean)
        self._net = net
        self._said = 0.0

    def step(self, said: tuple[torch.Tensor, torch.Tensor], under: Array, years: Array, weight: Array) -> float:
        """Learn from one batch; returns a running mean of the loss."""
        log_odds, said_years = (one[:, 0].float() for one in said)
        wanted = torch.from_numpy(under), torch.from_numpy(years)
        loss = functional.binary_cross_entropy_with_logits(log_odds, wanted[0], reduction="none")
        loss = loss + 0.5 * functional.smooth_l1_loss(said_years / 10, wanted[1] / 10, reduction="none")
        self._optimiser.zero_grad()
        (loss * torch.from_numpy(weight)).mean().backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self._trained, 1.0)
        self._optimiser.step()
        self._schedule.step()
        self._mean_of.update_parameters(self._net)
        self._said += 0.05 * (loss.mean().item() - self._said)
        return self._said

    def done(self) -> FaceNet:
        """The mean of the last weights."""
        return cast("FaceNet", self._mean_of.module.eval())


def learn(pool: Pool, without_fold: int | None, steps: int, seed: int) -> FaceNet:
    """The last layers, from the teacher's weights, on every fold but one."""
    torch.manual_seed(seed)
    generator = np.random.default_rng(seed)
    net = from_teacher().to(memory_format=torch.channels_last).train()
    heads = (net.last, net.under, net.years)
    fit = Fit(net, [value for head in heads for value in head.parameters()], steps)
    may_see = pool.fold != (-1 if without_fold is None else without_fold)
    banded, others = may_see & pool.has_band, may_see & ~pool.has_band
    chance = banded * (LABELLED_SHARE / banded.sum()) + others * ((1 - LABELLED_SHARE) / others.sum())
    for step in range(steps):
        picked = generator.choice(len(chance), BATCH, p=chance / chance.sum())
        seen = pool.seen[torch.from_numpy(picked)].float().contiguous(memory_format=torch.channels_last)
        with torch.autocast("cpu", torch.bfloat16):
            said = net.back(seen)
        loss = fit.step(said, pool.under[picked], pool.years[picked], pool.weight[picked])
        if step % 50 == 49:
            print(f"without fold {without_fold}: step {step + 1}, loss {loss:.3f}", flush=True)
    return fit.done()


@torch.inference_mode()
def log_odds_of(net: FaceNet, crops: list[Array]) -> Array:
    """What a net says of crops, a mean over the mirror, in full precision; (N,)."""
    said = []
    for at in range(0, len(crops), BATCH):
        images = as_images(crops[at : at + BATCH])
        said.append((net.back(net.front(images))[0] + net.back(net.front(images.flip(3)))[0])[:, 0].numpy() / 2)
    return np.concatenate(said)


def calibration(nets: list[FaceNet], faces: list[Face]) -> tuple[float, float]:
    """Slope and offset (Platt) that make the folds' answers on faces unknown to them probabilities.

    Fitted on every labelled face, plain and in eight worsenings each, against 1, 0, and 0.8 for the band of 10 to 19.
    """
    said, truth = [], []
    generator = np.random.default_rng(81)
    for fold, net in enumerate(nets):
        mine = [face for face in faces if face.band and face.fold == fold]
        for number in range(9):
            hows = [drawn(generator, face.face_px) if number else Worsening() for face in mine]
            said.append(log_odds_of(net, [crop(face, how, generator) for face, how in zip(mine, hows, strict=True)]))
            truth += [1.0 if face.band in CHILD_BANDS else TEEN_SHARE * (face.band == TEEN_BAND) for face in mine]
    x, y = torch.tensor(np.concatenate(said)), torch.tensor(truth)
    values = torch.tensor([1.0, 0.0], requires_grad=True)
    optimiser = torch.optim.LBFGS([values], max_iter=100)

    def closure() -> torch.Tensor:
        optimiser.zero_grad()
        loss = functional.binary_cross_entropy_with_logits(x * values[0] + values[1], y.to(x.dtype))
        loss.backward()  # type: ignore[no-untyped-call]
        return loss

    optimiser.step(closure)  # type: ignore[no-untyped-call]
    return float(values[0].detach()), float(values[1].detach())


def write(net: FaceNet, slope: float, offset: float, target_file: Path) -> str:
    """Export a net with its calibration; returns the file's SHA-256."""
    proto = onnx_files.export(
        Shipped(net.to(memory_format=torch.contiguous_format), slope, offset),
        {"images": torch.zeros(2, 3, SIDE, SIDE)},
        ["under_18"],
        target_file,
        {"images": {0: "faces"}, "under_18": {0: "faces"}},
    )
    licence = "AGPL-3.0-or-later; started from face-api.js' age net (MIT)"
    return onnx_files.store(proto, target_file, {"task": "minors", "licence": licence})


def parse_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=DATA, help="folder with fairface_age and unlabelled pictures")
    parser.add_argument("--work", type=Path, default=WORK, help="where the folds' nets are written")
    parser.add_argument("--target", type=Path, default=REPO / "weights" / "minors.onnx")
    parser.add_argument("--steps", type=int, default=STEPS, help=f"training steps of {BATCH} faces for each net")
    return parser.parse_args()


def main() -> None:
    """Train the folds' nets and the one that ships, calibrate, export."""
    options = parse_arguments()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    options.work.mkdir(parents=True, exist_ok=True)
    faces = [*fairface(options.data), *other_faces(options.data)]
    print(f"{len(faces)} faces, {sum(bool(face.band) for face in faces)} of them with a band", flush=True)
    years = teacher_years(from_teacher().to(memory_format=torch.channels_last).eval(), faces)
    targets = [target(face, said) for face, said in zip(faces, years, strict=True)]
    pool = fill_pool(faces, targets, from_teacher().to(memory_format=torch.channels_last).eval())
    print(f"{len(pool.seen)} views", flush=True)
    nets = [learn(pool, fold, options.steps, seed=fold) for fold in range(FOLDS)]
    slope, offset = calibration(nets, faces)
    print(f"calibration: {slope:.3f} x + {offset:.3f}", flush=True)
    for fold, net in enumerate(nets):
        write(net, slope, offset, options.work / f"fold{fold}.onnx")
    digest = write(learn(pool, None, options.steps, seed=FOLDS), slope, offset, options.target)
    print(f"{options.target.name}: sha256 {digest}")


if __name__ == "__main__":
    main()
