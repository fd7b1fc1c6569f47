"""Whether another machine would make of a file what this one would: the same code, libraries, settings and weights."""

from __future__ import annotations

import hashlib
import socket
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import triage
from triage.errors import UsageError, WeightsError
from triage.pipeline import Stages

LIBRARIES = ("av", "numpy", "opencv-python", "openvino", "pdqhash", "torch", "trackers", "ultralytics")
"""What decodes, looks, compares and links."""
SEE = "docs/many-machines.md says how to set up a node"


@dataclass(frozen=True, slots=True)
class Installed:
    """What is installed on one machine."""

    host: str
    """For people alone."""
    version: str
    code: str
    """SHA-256 over the files of the package: two checkouts may call themselves by one version."""
    libraries: Mapping[str, str]
    """Name to version, Python among them; what is not installed is left out."""

    @property
    def digest(self) -> str:
        """The same on all machines that may work together."""
        libraries = [f"{name} {number}" for name, number in sorted(self.libraries.items())]
        return hashlib.sha256("\n".join([self.version, self.code, *libraries]).encode()).hexdigest()


@cache
def installed() -> Installed:
    """What is installed here."""
    libraries = {"Python": ".".join(map(str, sys.version_info[:2]))}
    for name in LIBRARIES:
        try:
            libraries[name] = version(name)
        except PackageNotFoundError:
            continue
    return Installed(socket.gethostname(), triage.__version__, _hash_of_code(), libraries)


def _hash_of_code() -> str:
    folder = Path(triage.__file__).parent
    over = hashlib.sha256()
    for file in sorted(folder.rglob("*.py")):
        content = file.read_bytes()
        over.update(f"{file.relative_to(folder).as_posix()} {len(content)}\n".encode() + content)
    return over.hexdigest()


def refuse_other_installation(own: Installed, theirs: Installed) -> None:
    """Nothing, if both would do the same.

    Raises:
        UsageError: they differ, and in what.
    """
    if own.digest == theirs.digest:
        return
    if own.version != theirs.version:
        differ = f"has triage {theirs.version}, this machine {own.version}"
    elif own.code != theirs.code:
        differ = f"has other files of triage {theirs.version} than this machine"
    else:
        names = sorted({*own.libraries, *theirs.libraries})
        name = next(name for name in names if own.libraries.get(name) != theirs.libraries.get(name))
        here, there = own.libraries.get(name, "none"), theirs.libraries.get(name, "none")
        differ = f"has {name} {there}, this machine {here}"
    raise UsageError(f"the node {theirs.host} {differ}: its reports could be others. Install the same there; {SEE}")


def models_digest(stages: Stages) -> str:
    """Of what decides over what is seen, on whatever it runs: settings, weights, and what makes fingerprints."""
    told = stages.provenance
    parts = [told.settings, *(f"{name} {sha256}" for name, sha256 in sorted(told.weights.items()))]
    if stages.embedder is not None:
        parts += [stages.embedder.model, stages.embedder.sha256]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def runs_on(stages: Stages) -> Mapping[str, str]:
    """Library, device and precision of all models, those that make fingerprints among them."""
    own = {stages.embedder.name: stages.embedder.runs_on} if stages.embedder is not None else {}
    return {**stages.provenance.runs_on, **own}


def refuse_other_models(own: Stages, theirs: Stages, host: str) -> None:
    """Nothing, if the models of a node are those of this machine.

    Raises:
        WeightsError: weights differ, and which.
        UsageError: settings do.
    """
    if models_digest(own) == models_digest(theirs):
        return
    here, there = _weights(own), _weights(theirs)
    for name in sorted({*here, *there}):
        if here.get(name) != there.get(name):
            raise WeightsError(
                f"the node {host} has {_told(there.get(name))} as {name}, this machine {_told(here.get(name))}: it may "
                f"not take part. Put the same weights there; {SEE}"
            )
    raise UsageError(
        f"the node {host} understands these settings otherwise ({theirs.provenance.settings}, here "
        f"{own.provenance.settings}), as where a policy file is another; {SEE}"
    )


def refuse_mixture(hosts: Mapping[str, Stages]) -> None:
    """Nothing, if all nodes run their models alike: a report says on what they ran, and holds for one kind alone.

    Args:
        hosts: name of a node to its stages.

    Raises:
        UsageError: two of them differ.
    """
    (first, stages), *others = hosts.items()
    for host, other in others:
        for name, what in runs_on(stages).items():
            if runs_on(other).get(name) != what:
                raise UsageError(
                    f"{name} runs on {runs_on(other).get(name)} at the node {host} and on {what} at {first}, and so "
                    "their reports may differ by a hair; choose nodes of one kind, or --set detecting.device=cpu "
                    "--set detecting.precision=exact"
                )


def _weights(stages: Stages) -> dict[str, str]:
    own = {stages.embedder.name: stages.embedder.sha256} if stages.embedder is not None else {}
    return {**stages.provenance.weights, **own}


def _told(sha256: str | None) -> str:
    return "nothing" if sha256 is None else f"weights {sha256[:8]}"
