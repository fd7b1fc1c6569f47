from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Mapping
from dataclasses import FrozenInstanceError, fields, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

import hypothesis
import pytest
import tomli_w
from hypothesis import given
from hypothesis import strategies as st

from tests.hostile import STEADY, TOKENS, anything, sentence, spoiled
from triage.errors import SettingsError
from triage.records import Label, Role
from triage.settings import PRESETS, Mode, Precision, Settings, listed, load_settings, nearest

EVERY_KEY = [name for name, _ in listed(Settings())]


def written(folder: Path, text: str) -> str:
    file = folder / "mine.toml"
    file.write_text(text, encoding="utf-8")
    return str(file)


def set_to(*overrides: str) -> Settings:
    return load_settings("default", overrides).settings


def changed(settings: Settings, name: str) -> Settings:
    """The settings with this one key at another value that it may have."""
    section, _, key = name.partition(".")
    stage = getattr(settings, section)
    value = getattr(stage, key)
    other: Any
    if isinstance(value, Mode):
        other = next(mode for mode in Mode if mode is not value)
    elif isinstance(value, str):
        other = value + "x"
    elif isinstance(value, tuple):
        other = value[:-1]
    elif isinstance(value, Mapping):
        other = {Label.WEAPON: 0.2}
    elif isinstance(value, int):
        other = value + (32 * 4 if "_px" in name else 1 if key == "tiles" else 32)
    else:
        other = value * 0.9
    return replace(settings, **{section: replace(stage, **{key: other})})


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_loads(name: str) -> None:
    assert load_settings(name).settings.sampling.step_ms > 0


def test_the_default_preset_is_what_the_code_says() -> None:
    loaded = load_settings("default")
    assert loaded.settings == Settings()
    assert loaded.origin == {}


def test_the_presets_differ_as_their_names_say() -> None:
    modes = [load_settings(name).settings.sampling.mode for name in PRESETS]
    assert modes == [Mode.KEYFRAMES, Mode.STEPS, Mode.EVERY]
    assert load_settings("quick").origin == {"sampling.mode": "quick.toml", "sampling.max_gap_ms": "quick.toml"}


@pytest.mark.parametrize("name", EVERY_KEY)
def test_every_single_setting_changes_the_digest_of_its_own_half_alone(name: str) -> None:
    before, after = Settings(), changed(Settings(), name)
    if name.startswith("matching."):
        assert before.digest(judging=True) == after.digest(judging=True), "no report depends on it"
        assert before.digest(judging=False) == after.digest(judging=False), "no report depends on it"
        return
    own = name.startswith("judging.")
    assert before.digest(judging=own) != after.digest(judging=own)
    assert before.digest(judging=not own) == after.digest(judging=not own)


def test_the_digest_does_not_depend_on_how_the_settings_were_written(tmp_path: Path) -> None:
    one = written(tmp_path, "[detecting.at_least]\nweapon = 0.5\nperson = 1\n[sampling]\nstep_ms = 400\n")
    other = set_to("detecting.at_least.person=1.0", "detecting.at_least.weapon=0.5")
    assert load_settings(one).settings.digest(judging=False) == other.digest(judging=False)


@pytest.mark.parametrize("value", [0.2, 0.3])
def test_the_digest_sees_into_a_table(value: float) -> None:
    assert set_to(f"detecting.at_least.weapon={value}").digest(judging=False) != set_to(
        "detecting.at_least.weapon=0.4"
    ).digest(judging=False)


def test_a_file_says_only_what_differs_and_the_command_line_wins(tmp_path: Path) -> None:
    file = written(tmp_path, "[sampling]\nstep_ms = 250\nmax_gap_ms = 900\n")
    loaded = load_settings(file, ["sampling.step_ms=100", "tracking.least_overlap=0.2"])
    assert (loaded.settings.sampling.step_ms, loaded.settings.sampling.max_gap_ms) == (100, 900)
    assert loaded.settings.judging == Settings().judging
    assert loaded.origin == {
        "sampling.step_ms": "command line",
        "sampling.max_gap_ms": file,
        "tracking.least_overlap": "command line",
    }


@pytest.mark.parametrize(
    ("override", "section", "key", "value"),
    [
        ("sampling.mode=every", "sampling", "mode", Mode.EVERY),
        ('sampling.mode="every"', "sampling", "mode", Mode.EVERY),
        (" sampling.step_ms = 200 ", "sampling", "step_ms", 200),
        ("sampling.cut_difference=30", "sampling", "cut_difference", 30.0),
        ("detecting.roles=['weapons', 'people']", "detecting", "roles", (Role.WEAPONS, Role.PEOPLE)),
        ("detecting.device=cuda:1", "detecting", "device", "cuda:1"),
        ("detecting.at_least.weapon=0.2", "detecting", "at_least", {Label.WEAPON: 0.2}),
        ("detecting.at_least={weapon = 0.2}", "detecting", "at_least", {Label.WEAPON: 0.2}),
        ("judging.policy=my policy=2.toml", "judging", "policy", "my policy=2.toml"),
    ],
)
def test_an_override_is_taken_as_toml_and_a_bare_word_as_text(
    override: str, section: str, key: str, value: object
) -> None:
    assert getattr(getattr(set_to(override), section), key) == value


def test_overrides_into_one_table_add_up_and_the_last_of_one_key_wins() -> None:
    settings = set_to("detecting.at_least.weapon=0.2", "detecting.at_least.person=0.3", "detecting.at_least.weapon=0.4")
    assert settings.detecting.at_least == {Label.WEAPON: 0.4, Label.PERSON: 0.3}


@pytest.mark.parametrize(
    ("override", "complaint"),
    [
        ("samplin.step_ms=1", r"no section \[samplin\]; did you mean 'sampling'"),
        ("sampling.steps_ms=1", r"\[sampling\] has no key 'steps_ms'; did you mean 'step_ms'"),
        ("zzz.step_ms=1", r"no section \[zzz\]; known are sampling, detecting, tracking, estimating, judging"),
        ("sampling.mode=keyframe", r"sampling\.mode: there is no 'keyframe'; did you mean 'keyframes'"),
        ("detecting.roles=['wepons']", r"detecting\.roles: there is no 'wepons'; did you mean 'weapons'"),
        ("detecting.at_least.wepon=0.3", r"detecting\.at_least: there is no 'wepon'; did you mean 'weapon'"),
        ("sampling.step_ms=fast", r"sampling\.step_ms: 'fast' was given, a whole number is wanted"),
        ("sampling.step_ms=1.5", r"sampling\.step_ms: 1\.5 was given, a whole number is wanted"),
        ("sampling.step_ms=true", r"sampling\.step_ms: True was given, a whole number is wanted"),
        ("sampling.step_ms=", r"sampling\.step_ms: '' was given, a whole number is wanted"),
        ("sampling.cut_difference=true", r"cut_difference: True was given, a number is wanted"),
        ("sampling.cut_difference='9'", r"cut_difference: '9' was given, a number is wanted"),
        ("sampling.mode=3", r"sampling\.mode: 3 was given, one of keyframes, steps, every is wanted"),
        ("detecting.device=0", r"detecting\.device: 0 was given, text is wanted"),
        ("detecting.roles=['copies']", r"roles are of what is looked for in a picture, people, .*; got copies"),
        ("detecting.roles=people", r"detecting\.roles: 'people' was given, a list is wanted"),
        ("detecting.roles=[3]", r"detecting\.roles: 3 was given, one of people, .* is wanted"),
        ("detecting.at_least=0.3", r"detecting\.at_least: 0\.3 was given, a table is wanted"),
        ("detecting.at_least.weapon=high", r"at_least\.weapon: 'high' was given, a number is wanted"),
        ("sampling.step_ms.fast=1", r"sampling\.step_ms: .* was given, a whole number is wanted"),
        ("sampling=1", "reads section.key=value"),
        ("sampling.step_ms", "reads section.key=value"),
        ("=1", "reads section.key=value"),
        ("sampling.=1", "reads section.key=value"),
        ("sampling.step_ms=0", r"\[sampling\] step_ms is at least 1 ms, got 0"),
        ("sampling.max_gap_ms=0", "max_gap_ms is at least 1 ms"),
        ("sampling.longest_same_ms=-1", "longest_same_ms is at least 1 ms"),
        ("sampling.cut_difference=256", "cut_difference is a difference of luma between 0 and 255"),
        ("sampling.novelty_difference=-1", "novelty_difference is a difference"),
        ("sampling.same_difference=nan", "same_difference is a difference"),
        ("detecting.batch=0", "batch is at least 1 picture"),
        ("detecting.image_px=100", "image_px is 0 or a multiple of 32"),
        ("detecting.image_px=-32", "image_px is 0 or a multiple of 32"),
        ("detecting.tiles=0", "tiles is at least 1 and at most 8"),
        ("detecting.tiles=9", "tiles is at least 1 and at most 8"),
        ("detecting.at_least.weapon=0", "at_least for weapon is a score above 0 and up to 1"),
        ("detecting.at_least.weapon=35", "at_least for weapon is a score above 0 and up to 1"),
        ("tracking.max_gap_ms=0", "max_gap_ms is at least 1 ms"),
        ("tracking.least_overlap=1.1", "least_overlap is a share between 0 and 1"),
        ("judging.likely_from=0.9", "likely_from is at most very_likely_from"),
        ("judging.very_likely_from=nan", "likely_from is at most very_likely_from"),
    ],
)
def test_an_override_that_cannot_be_meant_says_what_was_wanted(override: str, complaint: str) -> None:
    with pytest.raises(SettingsError, match=complaint):
        set_to(override)


@pytest.mark.parametrize(
    "overrides",
    [
        ["sampling.step_ms=1", "sampling.step_ms.fast=1"],
        ["detecting.roles=[]", "detecting.roles.people=1"],
    ],
)
def test_a_table_laid_over_a_plain_value_is_refused_by_name(overrides: list[str]) -> None:
    section_key = overrides[0].partition("=")[0]
    with pytest.raises(SettingsError, match=section_key):
        set_to(*overrides)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("[sampling\nstep_ms = 1", "not a TOML file"),
        ("step_ms = 1", r"no section \[step_ms\]"),
        ("sampling = 3", r"sampling is a section; write \[sampling\]"),
        ("[sampling]\nsteps = 1", r"has no key 'steps'; did you mean 'step_ms'"),
        ("[sampling]\nstep_ms = 1\nstep_ms = 2", "not a TOML file"),
        ("[detecting]\nat_least = []", r"detecting\.at_least: \[\] was given, a table is wanted"),
    ],
)
def test_a_file_that_cannot_be_meant_is_named(tmp_path: Path, text: str, complaint: str) -> None:
    with pytest.raises(SettingsError, match=rf"mine\.toml.*{complaint}|^{complaint}"):
        load_settings(written(tmp_path, text))


def test_a_file_that_is_no_text_is_named(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_bytes(b"\xff\xfe\x00[sampling]")
    with pytest.raises(SettingsError, match=r"mine\.toml: not a TOML file"):
        load_settings(str(tmp_path / "mine.toml"))


def test_a_file_that_is_not_there_is_answered_with_the_presets(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="no such settings file; give quick, default, thorough or a TOML file"):
        load_settings(str(tmp_path / "quik"))


def test_a_folder_is_no_settings_file(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="the settings file cannot be read"):
        load_settings(str(tmp_path))


def test_settings_cannot_be_changed_after_they_are_made() -> None:
    settings: Any = set_to("detecting.at_least.weapon=0.3")
    with pytest.raises(FrozenInstanceError):
        settings.sampling.step_ms = 1
    with pytest.raises(TypeError):
        settings.detecting.at_least[Label.WEAPON] = 0.1


def test_every_setting_is_listed_once_with_its_value() -> None:
    values = dict(listed(set_to("sampling.step_ms=123")))
    assert values["sampling.step_ms"] == 123
    declared = [
        f"{part.name}.{key.name}" for part in fields(Settings) for key in fields(getattr(Settings(), part.name))
    ]
    assert list(values) == declared


def test_every_setting_can_be_given_back_as_it_is_listed() -> None:
    def as_toml(value: object) -> str:
        if isinstance(value, tuple):
            return f"[{', '.join(map(as_toml, value))}]"
        if isinstance(value, Mapping):
            return "{}"
        if isinstance(value, bool):
            return str(value).lower()
        return f'"{value}"' if isinstance(value, str | StrEnum) else str(value)

    assert set_to(*(f"{name}={as_toml(value)}" for name, value in listed(Settings()))) == Settings()


@given(st.sampled_from(EVERY_KEY), st.text(max_size=20))
def test_whatever_is_given_is_either_taken_or_refused_in_a_sentence(name: str, text: str) -> None:
    # Any other exception fails.
    with contextlib.suppress(SettingsError):
        assert isinstance(set_to(f"{name}={text}"), Settings)


def test_the_nearest_word_is_offered_and_without_one_all_are() -> None:
    assert nearest("wepon", ["weapon", "person"]) == "; did you mean 'weapon'?"
    assert nearest("xyz", ["weapon", "person"]) == "; known are weapon, person"


def said_of(name: str, *overrides: str) -> str:
    """The sentence that refuses these settings; '': they are taken, and hold what settings hold."""
    try:
        found = load_settings(name, overrides).settings
    except SettingsError as error:
        return sentence(error)
    assert isinstance(found, Settings)
    assert len(found.digest(judging=False) + found.digest(judging=True)) == 128
    return ""


def as_toml(settings: Settings) -> bytes:
    """All of it, as a file could say it."""
    sections = {
        section.name: {
            key.name: list(value) if isinstance(value, tuple) else dict(value) if isinstance(value, Mapping) else value
            for key in fields(getattr(settings, section.name))
            for value in [getattr(getattr(settings, section.name), key.name)]
        }
        for section in fields(settings)
    }
    return tomli_w.dumps(sections).encode()


@st.composite
def any_settings(draw: st.DrawFn) -> Settings:
    """Settings that may be meant, with some of their values other than usual."""
    chosen = Settings()
    changeable = [name for name, value in listed(chosen) if type(value) not in {bool, Precision}]
    for name in draw(st.lists(st.sampled_from(changeable), max_size=6, unique=True)):
        with contextlib.suppress(ValueError):  # two values that do not go together
            chosen = changed(chosen, name)
    return chosen


@given(any_settings(), st.sampled_from(["", "\ufeff", "\r"]))
@hypothesis.settings(STEADY, max_examples=60)
def test_settings_that_are_written_down_are_read_as_they_were(tmp_path: Path, chosen: Settings, kind: str) -> None:
    text = as_toml(chosen).decode()
    file = tmp_path / "mine.toml"
    file.write_bytes((text.replace("\n", "\r\n") if kind == "\r" else kind + text).encode())
    assert load_settings(str(file)).settings == chosen


WHOLE_FILES = [as_toml(Settings()), b'[detecting]\nat_least = {weapon = 0.3}\nroles = ["weapons"]\n']


@given(st.one_of(spoiled(WHOLE_FILES), st.binary(max_size=60)))
@hypothesis.settings(STEADY, max_examples=200)
def test_whatever_is_in_a_file_is_settings_or_a_sentence(tmp_path: Path, data: bytes) -> None:
    file = tmp_path / "mine.toml"
    file.write_bytes(data)
    said_of(str(file))


@given(
    st.one_of(st.sampled_from(EVERY_KEY), st.text(max_size=8), st.just("a." * 4000)),
    st.one_of(anything.map(repr), st.text(st.characters(exclude_categories=()), max_size=9), st.sampled_from(TOKENS)),
)
@hypothesis.settings(STEADY, max_examples=200)
def test_whatever_is_given_for_a_key_is_a_setting_or_a_sentence(name: str, value: str | bytes) -> None:
    said_of("default", f"{name}={value if isinstance(value, str) else os.fsdecode(value)}")


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"\xff\xfe[\0s\0", "not a TOML file"),
        (b"[sampling]\nstep_ms = " + b"1" * 5000, "a number too long"),
        (b"[sampling]\nstep_ms = 0x" + b"f" * 5000, "a number of 20000 bits was given"),
        (b"[sampling]\ncut_difference = 0x" + b"f" * 5000, "a number of 20000 bits was given"),
        (b"[sampling]\nmode = 0x" + b"f" * 5000, "something without end was given|bits was given"),
        (b"[sampling]\nstep_ms = " + b"[" * 5000, "lists in lists without end"),
        (b"[sampling]\nstep_ms = nan", "a whole number is wanted"),
        (b"[sampling]\ncut_difference = nan", "is a difference of luma between 0 and 255, got nan"),
        (b"[matching]\nslowest = -inf", "slowest is above 0"),
        (b"a = 1\n" * 300_000, "has more than 1 MiB"),
    ],
)
def test_what_readers_stumble_over_is_refused_in_a_sentence(tmp_path: Path, data: bytes, words: str) -> None:
    file = tmp_path / "mine.toml"
    file.write_bytes(data)
    assert re.search(words, said_of(str(file)))


def test_what_is_no_file_is_refused_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "link.toml").symlink_to(tmp_path / "link.toml")
    for name in (tmp_path, tmp_path / "link.toml", tmp_path / ("a" * 300), f"{tmp_path}\0"):
        assert said_of(str(name))
