"""Nobody can be understood, and every blow is where it was and as strong. By spectral measures, on drawn speech."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from tests.redaction.speech import PITCH_HZ, RATE_HZ, Mono, blow, speech, with_blows
from triage.redaction import voices
from triage.redaction.voices import VoiceMask, mask_voices

BANDS_HZ = np.geomspace(200, 7000, 9)
"""Eight, each less than an octave: more than twice as many as it takes to understand speech by."""
ENVELOPE_HZ = 100


def masked(sound: Mono, rate_hz: int = RATE_HZ) -> Mono:
    mask = VoiceMask(rate_hz, 1, seed=3)
    samples = sound[:, None].astype(np.float32)
    return np.concatenate([mask.mask(samples), mask.rest()])[:, 0].astype(np.float64)


def spectra(sound: Mono) -> npt.NDArray[np.float64]:
    """(moments, bins) power in windows of 32 ms, ``ENVELOPE_HZ`` of them a second."""
    windows = np.lib.stride_tricks.sliding_window_view(sound, 512)[:: RATE_HZ // ENVELOPE_HZ]
    return np.asarray(np.abs(np.fft.rfft(windows * np.hanning(512), axis=1)) ** 2)


def envelopes(sound: Mono) -> npt.NDArray[np.float64]:
    """(bands, moments) in dB, what is slower than 2 and faster than 16 Hz taken out."""
    band = np.digitize(np.fft.rfftfreq(512, 1 / RATE_HZ), BANDS_HZ)
    loud = np.stack([spectra(sound)[:, band == number].sum(axis=1) for number in range(1, len(BANDS_HZ))])
    waves = np.fft.rfft(10 * np.log10(loud + 1e-6 * loud.max()), axis=1)
    pace = np.fft.rfftfreq(loud.shape[1], 1 / ENVELOPE_HZ)
    return np.asarray(np.fft.irfft(waves * ((pace >= 2) & (pace <= 16)), loud.shape[1], axis=1))


def likeness(one: npt.NDArray[np.float64], other: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Correlation, row by row."""
    return np.array([np.corrcoef(a, b)[0, 1] for a, b in zip(one, other, strict=True)])


def periodicity(sound: Mono) -> float:
    """Mean correlation of 50 ms with what came one period of the pitch later: 1 for a voice, 0 for noise."""
    lag = round(RATE_HZ / PITCH_HZ)
    windows = np.lib.stride_tricks.sliding_window_view(sound, 800 + lag)[::800]
    loud = windows[windows.std(axis=1) > 0.2 * sound.std()]
    return float(np.mean(likeness(loud[:, :800], loud[:, lag:])))


def level_db(sound: npt.NDArray[np.floating]) -> float:
    return float(10 * np.log10(np.mean(np.asarray(sound, np.float64) ** 2) + 1e-20))


@pytest.mark.parametrize("seed", range(3))
def test_the_changes_of_each_band_that_words_are_made_of_are_flattened(seed: int) -> None:
    said = speech(8, seed)
    before, after = envelopes(said), envelopes(masked(said))
    assert likeness(before, envelopes(said + 0.01 * np.random.default_rng(1).standard_normal(len(said)))).min() > 0.6
    assert np.abs(likeness(before, after)).mean() < 0.25
    assert after.std() < 0.35 * before.std()


@pytest.mark.parametrize("seed", range(3))
def test_which_band_is_loud_when_is_gone_and_with_it_the_formants(seed: int) -> None:
    said = speech(8, seed)
    before, after = envelopes(said), envelopes(masked(said))
    assert np.abs(likeness(before - before.mean(axis=0), after - after.mean(axis=0))).mean() < 0.15


def test_no_resonance_is_left_in_the_range_of_a_voice() -> None:
    said = speech(12, 1)
    peaks = []
    for sound in (said, masked(said)):
        spectrum = 10 * np.log10(spectra(sound).mean(axis=0))[16:104]
        peaks.append(float(np.ptp(spectrum)))
    assert peaks[0] > 15
    assert peaks[1] < 4, "dB between the strongest and the weakest of 500 to 3250 Hz"


def test_the_pitch_of_a_voice_is_gone() -> None:
    said = speech(12, 2, wander=0)
    assert periodicity(said) > 0.6
    assert abs(periodicity(masked(said))) < 0.05


def test_only_loudness_is_kept() -> None:
    """What has the same loudness has the same noise: the wave itself is in no sample."""
    said = speech(3)[:, None].astype(np.float32)
    one, other = (VoiceMask(RATE_HZ, 1, seed=4) for _ in range(2))
    upright, turned = (np.concatenate([mask.mask(sound), mask.rest()]) for mask, sound in ((one, said), (other, -said)))
    assert np.array_equal(upright, turned)


@pytest.mark.parametrize("rate_hz", [8000, 44100])
def test_a_passage_is_as_loud_as_it_was(rate_hz: int) -> None:
    steady = 0.1 * np.random.default_rng(2).standard_normal(3 * rate_hz)
    assert level_db(masked(steady, rate_hz)) == pytest.approx(level_db(steady), abs=0.5)
    assert level_db(masked(speech(6))) == pytest.approx(-20, abs=1)


def test_silence_stays_silent() -> None:
    assert not masked(np.zeros(2 * RATE_HZ)).any()


@pytest.mark.parametrize("decay_s", [0.004, 0.02, 0.06])
@pytest.mark.parametrize("talks", [False, True], ids=["in silence", "amid speech"])
def test_a_blow_begins_within_10_ms_of_where_it_did_and_keeps_its_energy(decay_s: float, talks: bool) -> None:
    moments = [1.0, 2.21, 3.5]
    hit = blow(2.4, decay_s)
    struck = with_blows(0.25 * speech(5) if talks else np.zeros(5 * RATE_HZ), moments, hit)
    after = masked(struck)
    for moment in moments:
        start = round(moment * RATE_HZ)
        nearby = slice(start - RATE_HZ // 20, start + RATE_HZ // 20)
        smooth = np.convolve(after[nearby] ** 2, np.ones(32) / 32, mode="same")
        onset = np.argmax(smooth > 0.1 * smooth.max()) - RATE_HZ // 20
        assert abs(onset) / RATE_HZ <= 0.010
        around = slice(start - RATE_HZ // 100, start + max(len(hit) // 2, RATE_HZ // 50))
        assert level_db(after[around]) == pytest.approx(level_db(np.clip(struck[around], -1, 1)), abs=3)


def test_shots_of_a_volley_can_be_counted() -> None:
    moments = [0.5 + 0.1 * number for number in range(10)]
    after = masked(with_blows(0.1 * speech(3), moments, blow(2.4, 0.012)))
    smooth = np.convolve(after**2, np.ones(160) / 160, mode="same")
    for moment in moments:
        start = round(moment * RATE_HZ)
        assert smooth[start : start + 320].max() > 8 * smooth[start - 400 : start - 160].max()


def test_nothing_sounds_before_a_shot_in_silence() -> None:
    after = masked(with_blows(np.zeros(3 * RATE_HZ), [1.5], blow(2.4)))
    assert not after[: round(1.489 * RATE_HZ)].any()


def test_a_shot_from_the_left_stays_there() -> None:
    struck = with_blows(np.zeros(2 * RATE_HZ), [1.0], blow(0.6)).astype(np.float32)
    both = np.stack([struck, 0.1 * struck], axis=1)
    left, right = mask_voices(both, RATE_HZ).T
    assert level_db(left) - level_db(right) == pytest.approx(20, abs=0.5)


@pytest.mark.parametrize("block", [1, 7, 1024, 50_000])
def test_it_makes_no_difference_in_which_blocks_the_sound_arrives(block: int) -> None:
    seconds = 0.4 if block == 1 else 4
    sound = with_blows(speech(5), [0.1, 1.2, 1.3, 3.0], blow(2.4))[: round(seconds * RATE_HZ) + 13]
    samples = np.stack([sound, -0.3 * sound], axis=1).astype(np.float32)
    whole, piecewise = VoiceMask(RATE_HZ, 2, seed=1), VoiceMask(RATE_HZ, 2, seed=1)
    expected = np.concatenate([whole.mask(samples), whole.rest()])
    parts = [piecewise.mask(samples[start : start + block]) for start in range(0, len(samples), block)]
    got = np.concatenate([*parts, piecewise.rest()])
    assert got.shape == samples.shape
    assert got.dtype == np.float32
    assert np.array_equal(got, expected)


def test_it_makes_no_difference_how_much_is_worked_on_together(monkeypatch: pytest.MonkeyPatch) -> None:
    """If fewer frames were kept than have a say, sounds would change where one piece ends and the next begins."""
    moments = np.random.default_rng(8).uniform(0, 8, 25)
    sound = with_blows(0.1 * speech(8), list(moments), blow(2.4))
    pieces: list[Mono] = []
    for frames in (7, 10**9):
        monkeypatch.setattr(voices, "AT_ONCE", frames)
        pieces.append(masked(sound))
    assert np.array_equal(pieces[0], pieces[1])


@pytest.mark.parametrize("length", [0, 1, 79, 80, 81, 160, 4001])
def test_there_are_as_many_samples_as_there_were(length: int) -> None:
    assert mask_voices(np.full((length, 2), 0.1, np.float32), RATE_HZ).shape == (length, 2)


def test_what_is_kept_does_not_grow_with_the_length() -> None:
    mask = VoiceMask(RATE_HZ, 1)
    block = speech(1)[:, None].astype(np.float32)
    kept, given = [], 0
    for _ in range(60):
        given += len(mask.mask(block))
        kept.append(sum(value.nbytes for value in vars(mask).values() if isinstance(value, np.ndarray)))
    assert max(kept[30:]) <= max(kept[:30])
    assert 60 * RATE_HZ - given < 3 * RATE_HZ, "seconds that wait for what comes after them"


def test_nobody_can_foretell_the_noise() -> None:
    sound = np.full((RATE_HZ, 1), 0.1, np.float32)
    assert not np.array_equal(mask_voices(sound, RATE_HZ), mask_voices(sound, RATE_HZ))


def test_samples_that_are_no_numbers_or_too_loud_do_no_harm() -> None:
    sound = np.full((RATE_HZ, 1), 9, np.float32)
    sound[100:200] = np.nan
    after = mask_voices(sound, RATE_HZ)
    assert np.isfinite(after).all()
    assert np.abs(after).max() <= 1


@pytest.mark.parametrize(("rate_hz", "channels"), [(0, 1), (2000, 1), (44100, 0)])
def test_a_stream_that_can_hold_no_voice_is_refused(rate_hz: int, channels: int) -> None:
    with pytest.raises(ValueError, match="4000 samples"):
        VoiceMask(rate_hz, channels)
