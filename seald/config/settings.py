"""The whole configuration."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from seald.config.documents import Ingest
from seald.config.guards import Compaction, Guards
from seald.config.keys import Keys
from seald.config.learning import RECIPES, Recipe, Training, on_preset
from seald.config.serving import Engine, Model, Server
from seald.config.tasks import Tasks
from seald.config.watching import Feedback, Watch
from seald.config.writing import Policy


class Settings(BaseSettings):
    """The whole configuration, checked."""

    model_config = SettingsConfigDict(env_prefix="SEALD_", env_nested_delimiter="__", extra="forbid", frozen=True)

    data_dir: Path = Path()
    """Everything the daemon writes at run time goes below it: database, adapters/, policies/learned/, logs/, cache/."""
    database: str | None = None
    """SQLAlchemy URL; None is SQLite in the data folder."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_format: Literal["auto", "console", "json"] = "auto"
    """auto: for people on a terminal, JSON lines elsewhere."""
    server: Server = Server()
    keys: Keys = Keys()
    model: Model = Model()
    engine: Engine = Engine()
    ingest: Ingest = Ingest()
    policy: Policy = Policy()
    training: Training = Training()
    recipes: dict[str, Recipe] = Field(default_factory=lambda: dict(RECIPES))
    guards: Guards = Guards()
    compaction: Compaction = Compaction()
    tasks: Tasks = Tasks()
    watch: Watch = Watch()
    feedback: Feedback = Feedback()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Only the constructor: `load_settings` lays the sources over each other in its own order."""
        return (init_settings,)

    @field_validator("recipes", mode="before")
    @classmethod
    def _over_the_presets(cls, given: Any) -> Any:
        if not isinstance(given, dict):
            return given
        laid = {name: on_preset(name, values) for name, values in given.items()}
        return {**RECIPES, **laid}

    @model_validator(mode="after")
    def _sleeps_only_what_is_ours(self) -> Settings:
        if self.training.share == "sleep" and self.engine.kind == "external":
            raise ValueError("training.share is 'sleep', but an external engine is not the daemon's to put to sleep")
        return self

    @model_validator(mode="after")
    def _recipe_exists(self) -> Settings:
        known = ", ".join(sorted(self.recipes))
        if self.training.recipe not in self.recipes:
            raise ValueError(f"training.recipe is {self.training.recipe!r}; the file has the recipes {known}")
        retrain = self.policy.retrain
        named = {"policy.retrain.recipe": retrain.recipe, "policy.retrain.policy_recipe": retrain.policy_recipe}
        for key, name in (named | {"tasks.recipe": self.tasks.recipe}).items():
            if name not in self.recipes:
                raise ValueError(f"{key} is {name!r}; the file has the recipes {known}")
        return self

    @property
    def cache(self) -> Path:
        """Where converted models and what can be computed again lie."""
        return self.model.cache_dir or self.data_dir / "cache"

    @property
    def recipe(self) -> Recipe:
        """The recipe that `training.recipe` names."""
        return self.recipes[self.training.recipe]
