from __future__ import annotations

from pathlib import Path

import pytest

from triage.cards import blind_spots
from triage.shipped import shipped

CARD = """# a model

It sees squares.

## What it is blind to

Tried on ten drawings:

- Circles, **always**. They were not in the
  training pictures.
- `Triangles` below 0.5 cm. Tried by eye.
  - these two points in particular
* [Lines](https://example.org) of any kind

## What it must not be used for

- Deciding anything.
"""


@pytest.mark.parametrize(
    ("text", "spots"),
    [
        pytest.param(CARD, ("Circles, always.", "Triangles below 0.5 cm.", "Lines of any kind"), id="a list"),
        pytest.param("## What it is blind to\n\nNothing was measured. Ask.\n", ("Nothing was measured.",), id="words"),
        pytest.param(
            CARD.replace("\n", "\r\n"),
            ("Circles, always.", "Triangles below 0.5 cm.", "Lines of any kind"),
            id="Windows lines",
        ),
        pytest.param("# a model\n\n- a point\n", (), id="no such section"),
        pytest.param("## What it is blind to\n\n## Data\n\n- squares\n", (), id="an empty section"),
        pytest.param("## What it is blind to, perhaps\n\n- circles\n", (), id="another section"),
    ],
)
def test_the_blind_spots_are_the_first_sentences_of_their_section(
    tmp_path: Path, text: str, spots: tuple[str, ...]
) -> None:
    card = tmp_path / "card.md"
    card.write_bytes(text.encode())
    assert blind_spots(card) == spots


@pytest.mark.parametrize("card", sorted(shipped("weights").glob("*.md")), ids=lambda card: card.name)
def test_every_card_that_ships_says_what_its_model_is_blind_to(card: Path) -> None:
    spots = blind_spots(card)
    assert spots
    assert all(len(spot) > 10 for spot in spots)
