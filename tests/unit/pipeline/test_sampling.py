"""A sample that is fair to each document."""

from __future__ import annotations

from collections import Counter

from seald.domain.probe import Probe
from seald.pipeline.sampling import stratified


def probes(*counts: int) -> list[Probe]:
    return [
        Probe(
            id=f"probe-{document}-{n}",
            collection="default",
            document_id=f"doc-{document}",
            kind="cloze",
            question="How does it go on?",
            answer="x",
            origin="rule",
        )
        for document, count in enumerate(counts)
        for n in range(count)
    ]


def shares(sample: list[Probe]) -> dict[str | None, int]:
    return Counter(probe.document_id for probe in sample)


def test_each_document_has_its_share_whatever_its_size() -> None:
    assert sorted(shares(stratified(probes(2, 50, 9, 9), 20, "v1")).values()) == [2, 6, 6, 6]
    few = shares(stratified(probes(*[5] * 40), 30, "v1"))
    assert set(few.values()) == {1}
    assert len(few) == 30


def test_the_seed_alone_decides() -> None:
    all_of_them = probes(9, 9, 9)
    sample = stratified(all_of_them, 12, "v1")
    assert stratified(all_of_them[::-1], 12, "v1") == sample
    assert stratified(all_of_them, 20, "v1")[:12] == sample
    assert stratified(all_of_them, 12, "v2") != sample


def test_fewer_than_asked_for_are_all_taken() -> None:
    assert sorted(p.id for p in stratified(probes(1, 3), 9, "v1")) == sorted(p.id for p in probes(1, 3))
    assert stratified(probes(3), 0, "v1") == stratified([], 5, "v1") == []
