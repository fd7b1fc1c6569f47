"""Tables of hashes, as spreadsheets and the threatexchange tools write them."""

from __future__ import annotations

import pytest

from triage.matches.exchange.columns import Columns
from triage.matches.exchange.gathering import Said
from triage.matches.exchange.lines import UnclearError
from triage.matches.signals import Feature, Kind, MalformedError, Signal

PDQ = "f8f8f0cee0f4a84f06370a22038f63f0b36e2ed596621e1d33e6b39c4e9c9b22"
MD5 = "cab08b36195edb1a1231d2d09fa450e0"
SHA256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
VIDEO = f'["{PDQ},100,0.000"]'


def said_in(header: str, row: str) -> Said | None:
    columns = Columns.of(header)
    assert columns is not None
    return columns.said_by(row, None)


def test_a_table_of_the_threatexchange_tools_is_read() -> None:
    header = "signal_type,signal_str,collab,category,tags"
    quoted = VIDEO.replace('"', '""')
    for row, kind in ((f"pdq,{PDQ},them,POSITIVE_CLASS,", Kind.PDQ), (f'vpdq,"{quoted}",them,,a b', Kind.VPDQ)):
        said = said_in(header, row)
        assert said is not None
        assert [signal.kind for signal in said.signals] == [kind]
    with pytest.raises(MalformedError, match="does not belong"):
        said_in(header, f"pdq,{PDQ},them,NEGATIVE_CLASS,")


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_a_table_of_a_spreadsheet_is_read_with_all_hashes_of_a_row(delimiter: str) -> None:
    header = delimiter.join(["Name", "MD5", "sha256", "pdq", "quality"])
    said = said_in(header, delimiter.join(["K-0013", MD5, SHA256, PDQ, "90"]))
    assert said is not None
    assert said.name == "K-0013"
    assert said.signals == (Signal(Kind.MD5, MD5), Signal(Kind.SHA256, SHA256), Signal(Kind.PDQ, PDQ, 90))


def test_rows_with_times_are_pictures_of_the_video_that_they_name() -> None:
    said = said_in("name,pdq_hash,quality,timestamp", f"K-0013,{PDQ},90,1.5")
    assert said is not None
    assert (said.name, said.feature) == ("K-0013", Feature(PDQ, 90, 1500))
    with pytest.raises(MalformedError, match="needs its quality"):
        said_in("name,pdq_hash,quality,timestamp", f"K-0013,{PDQ},,1.5")


@pytest.mark.parametrize(
    "row",
    [
        "K-0013",
        f"K-0013,{PDQ},90,4",
        "K-0013,,90",
        f"K-0013,{MD5},90",
        f'"K-0013,{PDQ},90',
        f"K,{PDQ},ninety",
        f'K,{PDQ},"90',
    ],
)
def test_a_row_that_does_not_fit_its_table_is_malformed(row: str) -> None:
    with pytest.raises(MalformedError):
        said_in("name,pdq,quality", row)


def test_the_kind_is_what_the_row_says_or_what_its_length_tells() -> None:
    said = said_in("hash,file", f"{MD5},x/y.mp4")
    assert said is not None
    assert (said.signals, said.hint) == ((Signal(Kind.MD5, MD5),), "y")
    with pytest.raises(UnclearError):
        said_in("hash,file", f"{PDQ},x/y.mp4")
    with pytest.raises(MalformedError, match="no kind of hash"):
        said_in("hash,type", f"{PDQ},tlsh")


@pytest.mark.parametrize("line", [PDQ, f"{MD5},a.mp4", "name,title", "a,b", "", '"'])
def test_a_line_that_names_no_hashes_is_no_table(line: str) -> None:
    assert Columns.of(line) is None
