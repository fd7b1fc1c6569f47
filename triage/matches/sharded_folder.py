"""Where the shards of an index lie: the first in the folder itself, each further one in a folder of its own in there.

Each is whole under its own ``index.json``, which names its videos and the SHA-256 of its files, and is written last. So
whatever breaks off, what is there says what it holds, and nothing needs another list beside it: videos that are in no
shard are added by whoever asks for them. An index of a case with few videos is one shard, and lies as it always did.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from triage.durable import no_room
from triage.errors import MatchIndexError
from triage.matches.index_folder import HEAD, clear, damaged, open_folder
from triage.matches.sharded import Shard

_NAME = "shard-"


def shard_folder(folder: Path, place: int) -> Path:
    """Where a shard of the index in ``folder`` lies."""
    return folder / f"{_NAME}{place}" if place else folder


def load_shards(folder: Path, model: str) -> tuple[dict[int, Shard], tuple[str, ...]]:
    """The shards that are whole, by their places, ascending; and a sentence on each that is not.

    The last one is in memory, since it grows; the others are read from the disk as they are asked.

    Raises:
        MatchIndexError: as ``open_folder``, where none is whole.
    """
    places = [place for place in _places(folder) if (shard_folder(folder, place) / HEAD).exists()]
    if not places:
        open_folder(folder, model)  # says that there is none
    shards: dict[int, Shard] = {}
    errors: list[MatchIndexError] = []
    known: set[str] = set()
    numbers: set[int] = set()
    for place in places:
        own = shard_folder(folder, place)
        try:
            shard = Shard.load(own, model, mapped=place != places[-1])
            if shards and shard.dim != next(iter(shards.values())).dim:
                raise damaged(own / HEAD, "its vectors are of another length than those of the other parts")
            own_numbers = {one.number for one in shard.places.values()}
            # After a copy of a folder, or when somebody wrote it with an earlier version that knew of one shard only.
            if known & shard.places.keys() or numbers & own_numbers:
                raise damaged(own / HEAD, "it has a video of another part")
        except MatchIndexError as error:
            errors.append(error)
            continue
        shards[place] = shard
        known |= shard.places.keys()
        numbers |= own_numbers
    if not shards:
        raise errors[0]
    return shards, tuple(str(error) for error in errors)


def save_shards(folder: Path, shards: Mapping[int, Shard]) -> None:
    """Write what changed, and remove whatever else of an index lies there.

    What went is gone before anything new is written, so that no video is ever in two of them.

    Raises:
        CaseFullError, CaseError: as ``write_whole``.
    """
    kept = {place for place, shard in shards.items() if len(shard.places) or (place == 0 and len(shards) == 1)}
    for place in _places(folder):
        if place not in kept:
            _remove(shard_folder(folder, place), folder)
    for place in sorted(kept):
        own = shard_folder(folder, place)
        if shards[place].lies_in != own or not (own / HEAD).exists():
            shards[place].save(own)


def _places(folder: Path) -> Iterator[int]:
    """Where shards may lie, ascending; the folder itself always."""
    found = [path.name.removeprefix(_NAME) for path in folder.glob(f"{_NAME}*")] if folder.is_dir() else []
    yield from sorted({0, *(int(name) for name in found if name.isdecimal())})


def _remove(own: Path, folder: Path) -> None:
    try:
        clear(own)
    except OSError as error:
        raise no_room(own, error) from error
    if own != folder:
        with suppress(OSError):  # something else lies in it
            own.rmdir()
