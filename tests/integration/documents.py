"""Fictional documents, with questions that are never trained on."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Fiction:
    title: str
    text: str
    probes: tuple[tuple[str, str], ...]

    def body(self, collection: str) -> dict[str, object]:
        probes = [{"question": q, "answer": a} for q, a in self.probes]
        return {"title": self.title, "text": self.text, "collection": collection, "probes": probes}


OBSERVATORY = Fiction(
    "The Quillon Observatory",
    "The Quillon Observatory stands on the island of Brenmark, 640 metres above the sea. It was founded in 1893 by the "
    "astronomer Maren Tosk with money from a lottery. Its main telescope, called Old Sorrow, has a mirror of 2.7 "
    "metres. In 1931 Tosk's pupil Ilva Reth discovered the comet Pellagon there. Today the observatory employs 48 "
    "people and is run by the University of Sandvale.",
    (
        ("On which island is the Quillon Observatory?", "Brenmark"),
        ("Who founded the Quillon Observatory?", "Maren Tosk"),
        ("In what year was the Quillon Observatory founded?", "1893"),
        ("What is the name of the main telescope of the Quillon Observatory?", "Old Sorrow"),
        ("Who discovered the comet Pellagon?", "Ilva Reth"),
        ("How many people work at the Quillon Observatory today?", "48"),
    ),
)
FERRY = Fiction(
    "Drovane Ferry Company",
    "The Drovane Ferry Company runs boats between the towns of Halse and Ormay. It was started in 1972 by two sisters, "
    "Petra and Lone Vask. The company's largest ship is the Grey Heron, which carries 310 passengers. A single "
    "crossing takes 35 minutes and costs 14 crowns. In 2008 the head office moved from Halse to the old customs "
    "house in Ormay.",
    (
        ("Which two towns does the Drovane Ferry Company connect?", "Halse and Ormay"),
        ("When was the Drovane Ferry Company started?", "1972"),
        ("What is the largest ship of the Drovane Ferry Company called?", "Grey Heron"),
        ("How many passengers can the Grey Heron carry?", "310"),
        ("How long does a crossing with the Drovane Ferry Company take?", "35 minutes"),
        ("What does a single crossing with the Drovane Ferry Company cost?", "14 crowns"),
    ),
)
