"""``triage bank`` as a user types it; what makes fingerprints is drawn."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner, Result

from tests import media
from tests.examples import PROVENANCE, nobody
from tests.matches.pictures import scene
from triage.case.store import open_case
from triage.cli.main import app
from triage.errors import DetectorError
from triage.findings import registry
from triage.findings.detector import Detector, Reader
from triage.findings.scripted import Scripted
from triage.matches import pdq
from triage.matches.bank import open_bank
from triage.matches.signals import Kind
from triage.records import VIEWS, Embedding, Frame, Sealed
from triage.settings import Settings


class Drawn:
    """Embeddings of 8 x 8 places of colour, the same for each view."""

    name = "drawn@00000000"
    sha256 = "0" * 64
    runs_on = "nothing"
    dim = 192

    def __init__(self, model: str = "drawn@00000000") -> None:
        self.model = model

    def embed(self, frames: Sequence[Frame]) -> list[Embedding]:
        return [self._one(frame) for frame in frames]

    def _one(self, frame: Frame) -> Embedding:
        places = cv2.resize(frame.image, (8, 8), interpolation=cv2.INTER_AREA).astype(np.float32).ravel()
        places -= places.mean()
        vector = places / max(1e-6, float(np.linalg.norm(places)))
        packed, quality = pdq.compute(frame.image)
        return Embedding(
            time_ms=frame.time_ms,
            vectors=np.tile(vector, (len(VIEWS), 1)),
            background=np.zeros(len(VIEWS), np.float32),
            hash=packed,
            quality=quality,
            borders=(0, 0, 0, 0),
            is_comparable=quality >= 50,
            is_grey=False,
        )


def triage(*words: str | Path) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words])


def use(monkeypatch: pytest.MonkeyPatch, model: str) -> None:
    """Let this model make fingerprints."""
    # What imports the name comes first: imported later, it would keep the replacement for good.
    for place in ("triage.cli.matching", "triage.matches.registry"):
        monkeypatch.setattr(f"{place}.open_embedder", lambda _: Drawn(model))


@pytest.fixture(autouse=True)
def drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    def make(_: Settings) -> tuple[Sequence[Detector], Sequence[Reader]]:
        return [Scripted(nobody)], []

    monkeypatch.setattr(registry, "open_models", make)
    use(monkeypatch, "drawn@00000000")


def draw_clip(path: Path, seed: int = 1) -> Path:
    """A shot of two seconds that moves over a drawn scene."""
    wide = scene(seed, 400, 160)
    recipe = media.Recipe(fps=Fraction(10))
    return media.draw(path, (np.ascontiguousarray(wide[:, 8 * step : 8 * step + 240]) for step in range(20)), recipe)


@pytest.fixture
def bank(tmp_path: Path) -> Path:
    return tmp_path / "bank"


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return draw_clip(tmp_path / "K-0013.mp4")


def test_a_clip_is_added_listed_shown_and_disabled(bank: Path, clip: Path) -> None:
    added = triage("bank", "add", bank, clip, "--note", "a note", "--source", "from somebody")
    assert added.exit_code == 0, added.stderr
    video = hashlib.sha256(clip.read_bytes()).hexdigest()
    assert f"added K-0013: 00:02.000, vectors+md5+sha256, a note, SHA-256 {video[:12]}" in added.stdout
    assert "1 entry\n  K-0013  00:02.000, vectors+md5+sha256, a note" in triage("bank", "list", bank).stdout
    shown = triage("bank", "show", bank, video[:10]).stdout
    for piece in (video, "source: from somebody", "file: K-0013.mp4", "drawn@00000000: ", "added from K-0013.mp4"):
        assert piece in shown
    assert f"MD5 {hashlib.md5(clip.read_bytes()).hexdigest()}" in shown
    assert triage("bank", "disable", bank, "K-0013", "--why", "a title card").exit_code == 0
    assert "K-0013  DISABLED (a title card)" in triage("bank", "list", bank).stdout
    assert "disabled: a title card (triage" in triage("bank", "show", bank, "K-0013").stdout
    assert triage("bank", "disable", bank, "K-0013", "--why", "again").exit_code == 2
    again = triage("bank", "add", bank, clip)
    assert "is in the bank already, nothing was added; it is disabled (a title card) and stays so" in again.stdout
    assert triage("bank", "enable", bank, "K-0013", "--why", "it was right").exit_code == 0
    assert "DISABLED" not in triage("bank", "list", bank).stdout


def test_a_disable_without_a_reason_is_refused(bank: Path, clip: Path) -> None:
    triage("bank", "add", bank, clip)
    assert triage("bank", "disable", bank, "K-0013").exit_code == 2
    assert "a reason is wanted" in triage("bank", "disable", bank, "K-0013", "--why", " ").stderr


def test_a_clip_that_cannot_be_read_is_named_and_the_others_are_added(bank: Path, clip: Path, tmp_path: Path) -> None:
    (tmp_path / "notes.mp4").write_text("no video")
    other = draw_clip(tmp_path / "other.mp4", 2)
    result = triage("bank", "add", bank, clip, tmp_path / "notes.mp4", other)
    assert result.exit_code == 1
    assert f"not added: {tmp_path / 'notes.mp4'}: " in result.stderr
    assert result.stderr.count("not added") == 1
    assert "2 entries" in triage("bank", "list", bank).stdout


def test_one_name_for_several_clips_is_refused_before_anything_is_done(bank: Path, clip: Path) -> None:
    result = triage("bank", "add", bank, clip, clip, "--name", "K")
    assert result.exit_code == 2
    assert "--name is for one clip, and 2 were given" in result.stderr
    assert not bank.exists()


def test_a_folder_and_a_clip_that_is_not_there_are_refused_before_anything_is_done(
    bank: Path, clip: Path, tmp_path: Path
) -> None:
    for odd, why in ((tmp_path, f"triage bank add {bank} {tmp_path}/*"), (tmp_path / "gone", "no such file")):
        result = triage("bank", "add", bank, clip, odd)
        assert result.exit_code == 2
        assert why in result.stderr
        assert not bank.exists()
    assert triage("bank", "add", bank, tmp_path / ("a" * 300)).exit_code == 2
    assert triage("bank", "add", bank, "").exit_code == 2


def test_another_clip_of_the_same_name_needs_another_name(bank: Path, clip: Path, tmp_path: Path) -> None:
    triage("bank", "add", bank, clip)
    (tmp_path / "x").mkdir()
    other = draw_clip(tmp_path / "x" / clip.name, 2)
    refused = triage("bank", "add", bank, other)
    assert refused.exit_code == 1
    assert "the name K-0013 belongs to another clip" in refused.stderr
    assert "--name TEXT" in refused.stderr
    assert triage("bank", "add", bank, other, "--name", "K-0014").exit_code == 0


def test_a_sealed_clip_never_enters_a_bank(bank: Path, clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def sealed(*_: object) -> Sealed:
        return Sealed("ab" * 32, 400, "what was seen", PROVENANCE)

    monkeypatch.setattr("triage.cli.banking.fingerprint_clip", sealed)
    result = triage("bank", "add", bank, clip)
    assert result.exit_code == 1
    assert "sealed: what was seen. Nothing of it was kept." in result.stderr
    assert "legal-routes.md" in result.stderr
    assert [path.name for path in bank.iterdir() if not path.name.startswith(".")] == ["bank.json"]


def test_a_clip_that_a_case_with_this_bank_has_sealed_never_enters_it(bank: Path, clip: Path, tmp_path: Path) -> None:
    video = hashlib.sha256(clip.read_bytes()).hexdigest()
    with open_case(tmp_path / "case", make=True) as case, open_bank(bank, make=True) as opened:
        case.save(Sealed(video, 400, "what was seen", PROVENANCE))
        opened.note_case(tmp_path / "gone")
        opened.note_case(case.folder)
    result = triage("bank", "add", bank, clip)
    assert result.exit_code == 1
    assert f"sealed: it is sealed in the case {tmp_path / 'case'}. Nothing of it was kept." in result.stderr
    assert not (bank / "fingerprints").exists()


def test_a_model_that_fails_on_a_clip_costs_that_clip_alone(
    bank: Path, clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(self: Drawn, frames: Sequence[Frame]) -> list[Embedding]:
        raise DetectorError("drawn failed")

    other = draw_clip(tmp_path / "other.mp4", 2)
    triage("bank", "add", bank, other)
    monkeypatch.setattr(Drawn, "embed", failing)
    result = triage("bank", "add", bank, clip)
    assert result.exit_code == 1
    assert "not added" in result.stderr
    assert "1 entry" in triage("bank", "list", bank).stdout


def test_without_a_model_for_fingerprints_nothing_is_added(
    bank: Path, clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("triage.cli.matching.open_embedder", lambda _: None)
    result = triage("bank", "add", bank, clip)
    assert result.exit_code == 3
    assert "no model at hand makes fingerprints" in result.stderr


def test_a_still_picture_and_one_that_shows_nothing_are_added_and_it_is_said_what_to_expect(
    bank: Path, tmp_path: Path
) -> None:
    assert cv2.imwrite(str(tmp_path / "still.png"), scene(1, 320, 240))
    media.draw(tmp_path / "black.mp4", [media.plain(0)] * 25)
    media.draw(tmp_path / "frame.mp4", [scene(2, 320, 240)])
    result = triage("bank", "add", bank, *(tmp_path / name for name in ("still.png", "black.mp4", "frame.mp4")))
    assert result.exit_code == 0, result.stderr
    assert "still: a still picture: it is found where" in result.stderr
    assert "black: nothing in it can be compared" in result.stderr
    assert "frame: one picture of it was looked at" in result.stderr
    assert "still  still picture, vectors" in triage("bank", "list", bank).stdout


def test_a_clip_added_after_the_model_changed_gets_vectors_of_both(
    bank: Path, clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    triage("bank", "add", bank, clip)
    use(monkeypatch, "newer@11111111")
    again = triage("bank", "add", bank, clip)
    assert "is K-0013, which now has vectors of the model in use, too" in again.stdout
    with open_bank(bank) as opened:
        assert opened.called("K-0013").models == ("drawn@00000000", "newer@11111111")


def test_adding_a_clip_says_what_changes_in_cases_that_use_the_bank(bank: Path, clip: Path, tmp_path: Path) -> None:
    dump = tmp_path / "dump"
    dump.mkdir()
    (dump / "upload.mp4").write_bytes(clip.read_bytes())
    other = draw_clip(tmp_path / "other.mp4", 9)
    triage("bank", "add", bank, other)
    assert triage("scan", dump, "--case", tmp_path / "case", "--bank", bank).exit_code == 0
    added = triage("bank", "add", bank, clip)
    assert added.exit_code == 0, added.stderr
    assert f"In the case {tmp_path / 'case'}:" in added.stdout
    assert "upload.mp4" in added.stdout
    assert "K-0013 is 100 %" in added.stdout


def test_hostile_names_notes_and_reasons_command_no_terminal(bank: Path, tmp_path: Path) -> None:
    clip = draw_clip(tmp_path / "a\x1b[31m\u202egpj.mp4")
    unnamed = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff.mp4"))
    draw_clip(tmp_path / "plain.mp4", 3).rename(unnamed)
    assert triage("bank", "add", bank, clip, unnamed, "--note", "n\x1b[0m").exit_code == 0
    triage("bank", "disable", bank, "a\\x1b[31m\\u202egpj", "--why", "w\x1b[0m")
    for words in (("list", bank), ("show", bank, "a\x1b[31m\u202egpj"), ("show", bank, "\\udcff")):
        result = triage("bank", *words)
        assert result.exit_code == 0, result.stderr
        assert "\x1b" not in result.stdout
        assert "\u202e" not in result.stdout


def test_a_bank_that_was_cut_off_while_written_says_so(bank: Path, clip: Path) -> None:
    triage("bank", "add", bank, clip)
    with (bank / "log.jsonl").open("ab") as file:
        file.write(b'{"event": "disab')
    assert "its last line was cut off" in triage("bank", "list", bank).stderr


@pytest.mark.parametrize("words", [("list",), ("show", "x"), ("disable", "x", "--why", "y"), ("export", "x.csv")])
def test_a_bank_that_is_not_there_is_not_made_by_asking(words: tuple[str, ...], tmp_path: Path) -> None:
    command, *rest = words
    result = triage("bank", command, tmp_path / "nothing", *rest)
    assert result.exit_code == 2
    assert "there is no bank here; make one with: triage bank add" in result.stderr
    assert not (tmp_path / "nothing").exists()


def test_the_original_is_only_read(bank: Path, clip: Path) -> None:
    before = clip.read_bytes(), clip.stat().st_mtime_ns
    triage("bank", "add", bank, clip)
    assert (clip.read_bytes(), clip.stat().st_mtime_ns) == before


def test_the_hash_of_a_clip_added_is_that_of_its_file(bank: Path, clip: Path) -> None:
    triage("bank", "add", bank, clip)
    with open_bank(bank) as opened:
        assert set(opened.exact()[Kind.MD5]) == {hashlib.md5(clip.read_bytes()).hexdigest()}
