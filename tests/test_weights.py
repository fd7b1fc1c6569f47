from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from triage import weights as weights_module
from triage.durable import sha256_of
from triage.errors import CaseError, UsageError, WeightsError
from triage.findings.registry import DETECTORS
from triage.records import ROLE_LABELS, Label, Role
from triage.shipped import shipped
from triage.weights import (
    MANIFEST,
    Weights,
    add,
    all_weights,
    chosen,
    keep_calibration,
    read_manifest,
    remove,
    user_folder,
)

ENTRY = """
[[weights]]
name = "guns"
roles = ["weapons"]
file = "guns.onnx"
sha256 = "{sha256}"
licence = "none"
origin = "written on the spot"
labels = {{ rifle = "long_gun" }}
input_px = 416
card = "guns.md"
"""


CARD = """# guns

## What it is blind to

- Everything at night. It was never shown one.
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of weights with one good entry."""
    place = tmp_path / "weights"
    place.mkdir()
    (place / "guns.onnx").write_bytes(b"weights")
    (place / "guns.md").write_text(CARD, encoding="utf-8")
    (place / MANIFEST).write_text(ENTRY.format(sha256=sha256_of(place / "guns.onnx")), encoding="utf-8")
    return place


@pytest.fixture
def file(tmp_path: Path) -> Path:
    mine = tmp_path / "my model.pt"
    mine.write_bytes(b"my weights")
    return mine


def only(folder: Path, *, yours: bool = False) -> Weights:
    [entry] = read_manifest(folder, yours=yours)
    return entry


def add_guns(file: Path, **more: Any) -> Weights:
    given: dict[str, Any] = {"roles": [Role.WEAPONS], "labels": {"rifle": Label.LONG_GUN}, "input_px": 640, **more}
    return add(file, **given)


def test_an_entry_says_all_that_its_manifest_says(folder: Path) -> None:
    entry = only(folder)
    assert (entry.name, entry.roles, entry.file) == ("guns", (Role.WEAPONS,), folder / "guns.onnx")
    assert (dict(entry.labels), entry.input_px) == ({"rifle": Label.LONG_GUN}, 416)
    assert (entry.reader, dict(entry.at_least), entry.yours) == ("yolo", {}, False)
    entry.check()


def test_a_folder_without_a_manifest_has_no_entries(tmp_path: Path) -> None:
    assert read_manifest(tmp_path, yours=True) == []


@pytest.mark.parametrize(
    ("yours", "helps"),
    [(False, "git checkout -- weights"), (True, "triage weights remove guns")],
    ids=["ours", "yours"],
)
class TestEachTroubleNamesTheCommandThatHelps:
    def test_a_missing_file(self, folder: Path, yours: bool, helps: str) -> None:
        (folder / "guns.onnx").unlink()
        with pytest.raises(WeightsError, match=f"guns.onnx: the weights 'guns' are missing.*run: {helps}"):
            only(folder, yours=yours).check()

    def test_a_wrong_hash(self, folder: Path, yours: bool, helps: str) -> None:
        right = sha256_of(folder / "guns.onnx")
        (folder / "guns.onnx").write_bytes(b"weights, one byte more")
        wrong = sha256_of(folder / "guns.onnx")
        with pytest.raises(WeightsError, match=f"SHA-256 is {wrong[:8]}.* says {right[:8]}.*run: {helps}"):
            only(folder, yours=yours).check()

    def test_a_missing_card(self, folder: Path, yours: bool, helps: str) -> None:
        (folder / "guns.md").unlink()
        with pytest.raises(WeightsError, match=f"guns.md: .*have no card.*run: {helps}"):
            only(folder, yours=yours).check()

    @pytest.mark.parametrize("text", ["", " \n\t\n"])
    def test_an_empty_card(self, folder: Path, yours: bool, helps: str, text: str) -> None:
        (folder / "guns.md").write_text(text, encoding="utf-8")
        with pytest.raises(WeightsError, match=f"guns.md: .*have no card.*run: {helps}"):
            only(folder, yours=yours).check()


def test_a_card_in_another_encoding_is_a_card(folder: Path) -> None:
    (folder / "guns.md").write_bytes(CARD.replace("Everything", "сліпа вночі").encode("cp1251"))
    only(folder).check()


@pytest.mark.parametrize("text", ["# guns\n\nblind at night\n", "## What it is blind to\n\n## Licence\n\n- none\n"])
def test_a_card_that_says_nothing_of_blind_spots_makes_its_weights_unfit(folder: Path, text: str) -> None:
    (folder / "guns.md").write_text(text, encoding="utf-8")
    with pytest.raises(
        WeightsError, match=r'does not say what it is blind to; write a section "## What it is blind to"'
    ):
        only(folder).check()


class TestACalibration:
    @pytest.fixture
    def calibrated(self, folder: Path) -> Path:
        (folder / "guns.calibration.json").write_bytes(b"{}")
        digest = sha256_of(folder / "guns.calibration.json")
        with (folder / MANIFEST).open("a", encoding="utf-8") as file:
            file.write(f'calibration = "guns.calibration.json"\ncalibration_sha256 = "{digest}"\n')
        return folder

    def test_is_named_by_the_manifest_and_absent_without(self, folder: Path) -> None:
        assert only(folder).calibration is None

    def test_is_checked_like_the_weights(self, calibrated: Path) -> None:
        entry = only(calibrated)
        entry.check()
        assert entry.calibration == calibrated / "guns.calibration.json"
        entry.calibration.write_bytes(b'{"weapon": {}}')
        with pytest.raises(WeightsError, match=r"guns\.calibration\.json: SHA-256 is .* the manifest says"):
            entry.check()

    def test_that_is_missing_is_said(self, calibrated: Path) -> None:
        (calibrated / "guns.calibration.json").unlink()
        with pytest.raises(WeightsError, match="the calibration of 'guns' is missing"):
            only(calibrated).check()

    def test_without_a_hash_is_refused(self, calibrated: Path) -> None:
        text = (calibrated / MANIFEST).read_text(encoding="utf-8")
        (calibrated / MANIFEST).write_text(text.partition("calibration_sha256")[0], encoding="utf-8")
        with pytest.raises(WeightsError, match="guns says nothing of 'calibration_sha256'"):
            only(calibrated)

    def test_of_ones_own_is_kept_and_survives_adding_the_file_again(self, file: Path) -> None:
        kept = keep_calibration(add_guns(file), b"{}\n")
        assert kept.calibration is not None
        kept.check()
        assert all_weights()[-1] == kept
        assert add_guns(file, roles=[Role.WEAPONS], labels={"pistol": Label.HANDGUN}).calibration == kept.calibration

    def test_is_not_kept_for_weights_that_ship(self, folder: Path) -> None:
        with pytest.raises(UsageError, match="only for weights that you added"):
            keep_calibration(only(folder), b"{}\n")


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("weights = [", id="broken"),
        pytest.param("not toml at all", id="text"),
        pytest.param(b"\xff\xfe\x00", id="bytes"),
        pytest.param("[weights]\nname = 1", id="a table for a list"),
        pytest.param("weights = 3", id="a number for a list"),
        pytest.param("weights = ['guns']", id="names for tables"),
    ],
)
def test_a_manifest_that_is_none_is_named(folder: Path, text: str | bytes) -> None:
    (folder / MANIFEST).write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(WeightsError, match=r"manifest\.toml: "):
        read_manifest(folder, yours=False)


@pytest.mark.parametrize(
    ("was", "becomes", "complaint"),
    [
        ('name = "guns"', "", "says nothing of 'name'"),
        ('roles = ["weapons"]', "", "guns says nothing of 'roles'"),
        ('file = "guns.onnx"', "", "guns says nothing of 'file'"),
        ('licence = "none"', "", "guns says nothing of 'licence'"),
        ('card = "guns.md"', "", "guns says nothing of 'card'"),
        ('["weapons"]', '["wepons"]', "guns: 'wepons' is not a valid Role"),
        ('["weapons"]', "3", "guns: "),
        ('"long_gun"', '"gun"', "guns: 'gun' is not a valid Label"),
        ('"long_gun"', '"face"', "guns: face is not what the roles weapons answer with"),
        ('{ rifle = "long_gun" }', "3", "guns: "),
        ('{ rifle = "long_gun" }', "{}", "guns: the role weapons needs a label of"),
        ("416", '"big"', "guns: input_px is"),
        ("416", "0", "guns: input_px is"),
        ("416", "416\nat_least = { long_gun = 40 }", "guns: at_least for long_gun is"),
        ("416", "416\nat_least = { long_gun = nan }", "guns: at_least for long_gun is"),
        ("416", "416\nat_least = { long_gun = 'high' }", "guns: "),
        ("416", "416\nat_least = { lng_gun = 0.4 }", "guns: 'lng_gun' is not a valid Label"),
    ],
)
def test_an_entry_that_cannot_be_meant_is_named(folder: Path, was: str, becomes: str, complaint: str) -> None:
    text = (folder / MANIFEST).read_text(encoding="utf-8")
    assert was in text
    (folder / MANIFEST).write_text(text.replace(was, becomes), encoding="utf-8")
    with pytest.raises(WeightsError, match=complaint):
        read_manifest(folder, yours=False)


@pytest.mark.parametrize("role", Role)
def test_every_role_refuses_the_labels_of_every_other(tmp_path: Path, role: Role) -> None:
    for label in set(Label) - ROLE_LABELS[role]:
        with pytest.raises(WeightsError, match=f"{label} is not what the roles {role} answer with"):
            Weights("x", (role,), tmp_path, "", "", "", {"theirs": label}, 320, tmp_path)


def test_every_role_that_is_claimed_needs_a_label(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="the role weapons needs a label of blade, handgun, long_gun, weapon"):
        Weights("x", (Role.PEOPLE, Role.WEAPONS), tmp_path, "", "", "", {"p": Label.PERSON}, 320, tmp_path)


def test_what_finds_copies_needs_no_label_and_serves_no_other_role(tmp_path: Path) -> None:
    assert Weights("x", (Role.COPIES,), tmp_path, "", "", "", {}, 160, tmp_path).labels == {}
    with pytest.raises(WeightsError, match="what finds copies looks for nothing else, got copies, people"):
        Weights("x", (Role.COPIES, Role.PEOPLE), tmp_path, "", "", "", {"p": Label.PERSON}, 160, tmp_path)


def test_every_label_belongs_to_exactly_one_role() -> None:
    everything = [label for labels in ROLE_LABELS.values() for label in labels]
    assert sorted(everything) == sorted(Label)
    assert set(ROLE_LABELS) == set(Role)


def test_what_ships_is_what_its_manifest_says() -> None:
    entries = read_manifest(shipped("weights"), yours=False)
    assert {Role.PEOPLE, Role.WEAPONS} <= {role for entry in entries for role in entry.roles}
    for entry in entries:
        entry.check()
        if entry.reader in DETECTORS:  # what is read on people is judged over time, from settings of estimating
            assert set(entry.at_least) == set(entry.labels.values()), "every label that ships has an operating point"


def test_all_that_ships_together_is_small_enough_to_clone() -> None:
    files = [entry.file for entry in read_manifest(shipped("weights"), yours=False)]
    assert sum(file.stat().st_size for file in files) < 60_000_000


def test_what_was_added_is_there_afterwards_and_fit(file: Path, triage_home: Path) -> None:
    added = add_guns(file, licence="AGPL-3.0", origin="a friend", at_least={Label.LONG_GUN: 0.4})
    assert only(user_folder(), yours=True) == added
    assert added.file.is_relative_to(triage_home)
    assert added.file.read_bytes() == file.read_bytes()
    assert added.file.name == file.name
    added.check()


def test_what_is_added_stays_fit_when_the_file_it_came_from_goes(file: Path) -> None:
    added = add_guns(file)
    file.unlink()
    added.check()


def test_a_card_that_is_brought_is_kept_and_without_one_nothing_is_said_to_be_measured(
    file: Path, tmp_path: Path
) -> None:
    assert "Nothing was measured" in add_guns(file).card.read_text(encoding="utf-8")
    card = tmp_path / "mine.md"
    card.write_text("blind in fog", encoding="utf-8")
    assert add_guns(file, card=card).card.read_text(encoding="utf-8") == "blind in fog"


def test_an_openvino_folder_can_be_added_and_removed(tmp_path: Path) -> None:
    model = tmp_path / "guns_openvino_model"
    (model / "inner").mkdir(parents=True)
    (model / "guns.xml").write_text("<net/>", encoding="utf-8")
    (model / "inner" / "guns.bin").write_bytes(b"\0" * 9)
    added = add_guns(model)
    added.check()
    assert (added.file / "inner" / "guns.bin").read_bytes() == b"\0" * 9
    (added.file / "inner" / "guns.bin").write_bytes(b"\1" * 9)
    with pytest.raises(WeightsError, match="SHA-256"):
        added.check()
    remove(added.name)
    assert read_manifest(user_folder(), yours=True) == []


def test_a_file_that_appears_in_an_openvino_folder_is_noticed(tmp_path: Path) -> None:
    model = tmp_path / "guns_openvino_model"
    model.mkdir()
    (model / "guns.xml").write_text("<net/>", encoding="utf-8")
    added = add_guns(model)
    (added.file / "another.xml").write_text("<net/>", encoding="utf-8")
    with pytest.raises(WeightsError, match="SHA-256"):
        added.check()


def test_the_users_entry_wins_over_the_shipped_and_the_last_added_over_both(
    folder: Path, file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(weights_module, "shipped", lambda _: folder)
    assert chosen([Role.WEAPONS])[Role.WEAPONS].name == "guns"
    mine = add_guns(file)
    assert chosen([Role.WEAPONS]) == {Role.WEAPONS: mine}
    other = tmp_path / "other.pt"
    other.write_bytes(b"other weights")
    newest = add_guns(other)
    assert chosen(Role) == {Role.WEAPONS: newest}
    again = add_guns(file)  # added once more: last again
    assert chosen(Role) == {Role.WEAPONS: again}
    assert [entry.name for entry in all_weights()] == ["guns", newest.name, again.name]
    remove(again.name)
    remove(newest.name)
    assert chosen(Role)[Role.WEAPONS].name == "guns"


def test_a_role_that_nothing_serves_is_absent(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weights_module, "shipped", lambda _: folder)
    assert chosen([Role.FACES, Role.PEOPLE]) == {}


@pytest.mark.parametrize(
    ("roles", "labels", "complaint"),
    [
        ([Role.WEAPONS], {"face": Label.FACE}, "face is not what the roles weapons answer with"),
        ([Role.WEAPONS, Role.PEOPLE], {"gun": Label.HANDGUN}, "the role people needs a label of person"),
        ([Role.WEAPONS], {}, "the role weapons needs a label"),
    ],
)
def test_labels_that_do_not_fit_the_roles_are_refused_and_nothing_is_kept(
    file: Path, triage_home: Path, roles: list[Role], labels: Mapping[str, Label], complaint: str
) -> None:
    with pytest.raises(WeightsError, match=complaint):
        add(file, roles=roles, labels=labels, input_px=320)
    assert [item for item in triage_home.rglob("*") if item.is_file()] == []


def test_a_file_that_is_not_there_cannot_be_added(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"nowhere\.pt: there is no such weights file"):
        add_guns(tmp_path / "nowhere.pt")


def test_a_users_folder_that_cannot_be_written_is_named(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a file").write_text("", encoding="utf-8")
    monkeypatch.setenv("TRIAGE_HOME", str(tmp_path / "a file"))
    with pytest.raises(CaseError, match=r"a file.*: cannot be written"):
        add_guns(file)


def test_the_kept_copy_itself_can_be_added_again(file: Path) -> None:
    kept = add_guns(file).file
    assert add_guns(kept).file == kept


def test_adding_a_model_again_mends_its_kept_copy(tmp_path: Path, file: Path) -> None:
    model = tmp_path / "guns_openvino_model"
    model.mkdir()
    (model / "guns.xml").write_text("<net/>", encoding="utf-8")
    for source in (file, model):
        added = add_guns(source)
        changed = added.file / "another.xml" if source is model else added.file
        changed.write_text("changed", encoding="utf-8")
        add_guns(source).check()


def test_weights_that_were_never_added_cannot_be_removed(file: Path) -> None:
    with pytest.raises(UsageError, match=r"you have added no weights$"):
        remove("guns")
    added = add_guns(file)
    with pytest.raises(UsageError, match=f"no weights named {added.name[:-1]!r}; did you mean {added.name!r}"):
        remove(added.name[:-1])


@pytest.mark.parametrize("name", ["модель.pt", "a b'c\".onnx", "-rf.pt", "...pt"])
def test_a_file_of_any_name_can_be_added(tmp_path: Path, name: str) -> None:
    odd = tmp_path / name
    odd.write_bytes(name.encode())
    added = add_guns(odd)
    only(user_folder(), yours=True).check()
    assert added.name.isascii()
    assert not added.name.startswith("-")
    assert tomllib.loads((user_folder() / MANIFEST).read_text(encoding="utf-8"))["weights"][0]["name"] == added.name


def test_without_triage_home_the_systems_place_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TRIAGE_HOME")
    assert user_folder().parts[-2:] == ("triage", "weights")
