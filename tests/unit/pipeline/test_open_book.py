"""Context distillation is on only where the base reads well what it does not know."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from seald.config import Recipe
from seald.domain.adaptation import Adaptation
from seald.domain.self_edit import Line, SelfEdit
from seald.pipeline.open_book import contexts, in_context
from seald.pipeline.probe import freeze_probes
from tests.tiny_model import build_tiny_model
from tests.unit.pipeline.conftest import Site

TEXT = "Kestrel Light was built in 1847 by Tove Arden. It stands on the island of Marrow and has 96 steps."


@pytest.fixture
def make_site(tmp_path: Path) -> Callable[[float], Site]:
    def make(distill: float) -> Site:
        model = build_tiny_model(tmp_path / "model")
        return Site(tmp_path / "data", model, {"recipes": {"default": Recipe(distill=distill)}})

    return make


def adaptation_with_probes(site: Site) -> Adaptation:
    adaptation = site.stores.adaptations.get(site.ingest("Kestrel Light", TEXT))
    freeze_probes(site.shop, adaptation)
    return adaptation


@pytest.mark.parametrize(
    ("reads", "knows", "taught"), [(True, False, True), (False, False, False), (True, True, False)]
)
def test_the_base_teaches_what_it_can_read_and_does_not_know(
    make_site: Callable[[float], Site], reads: bool, knows: bool, taught: bool
) -> None:
    site = make_site(1.0)
    adaptation = adaptation_with_probes(site)
    site.engine.reads, site.engine.knows = reads, knows
    passages = contexts(site.shop, adaptation)
    assert passages == ({(adaptation.documents[0], 0): TEXT} if taught else {})
    figures = site.stores.adaptations.get(adaptation.id).figures["open_book"]
    assert figures["distilled"] is taught
    assert figures["n"] > 0
    site.stores.close()


def test_a_recipe_without_distillation_asks_nothing(make_site: Callable[[float], Site]) -> None:
    site = make_site(0.0)
    adaptation = adaptation_with_probes(site)
    assert contexts(site.shop, adaptation) == {}
    assert "open_book" not in site.stores.adaptations.get(adaptation.id).figures
    site.stores.close()


def test_only_questions_of_asking_forms_get_the_passage() -> None:
    def edit(form: str) -> SelfEdit:
        lines = (Line(prompt="Who built it?", text="Tove Arden."), Line(text="Tove Arden built it."))
        return SelfEdit(
            adaptation_id="a", document_id="d", passage_index=0, form=form, sample=0, policy="p", raw="", lines=lines
        )

    passages, asking = {("d", 0): TEXT}, frozenset({"self-qa"})
    assert [line.context for line in in_context(edit("self-qa"), passages, asking)] == [TEXT, None]
    assert [line.context for line in in_context(edit("rewrite"), passages, asking)] == [None, None]
    assert [line.context for line in in_context(edit("self-qa"), {}, asking)] == [None, None]
