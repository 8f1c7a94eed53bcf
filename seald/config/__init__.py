"""Every setting, with its default and its bounds. `seald.toml` holds the ones people change.

Order of precedence: command line, `SEALD_*` variables (`SEALD_SERVER__PORT=9000`), the TOML file, defaults.
An unknown key is an error that names it: a typo must not silently serve the default.
"""

from __future__ import annotations

from seald.config.documents import Ingest
from seald.config.guards import (
    Acquisition,
    Compaction,
    Drift,
    General,
    Guards,
    Health,
    Integrity,
    Refusals,
    Retention,
    Triggers,
)
from seald.config.keys import Keys
from seald.config.learning import RECIPES, SEAL_V1, Recipe, Training
from seald.config.load import load_settings
from seald.config.retraining import Retrain, Rewards, Tournament
from seald.config.section import Section
from seald.config.serving import EMBEDDED_MODEL, Engine, Model, Server
from seald.config.settings import Settings
from seald.config.watching import Feedback, Watch
from seald.config.writing import DirectiveBounds, Policy

__all__ = [
    "EMBEDDED_MODEL",
    "RECIPES",
    "SEAL_V1",
    "Acquisition",
    "Compaction",
    "DirectiveBounds",
    "Drift",
    "Engine",
    "Feedback",
    "General",
    "Guards",
    "Health",
    "Ingest",
    "Integrity",
    "Keys",
    "Model",
    "Policy",
    "Recipe",
    "Refusals",
    "Retention",
    "Retrain",
    "Rewards",
    "Section",
    "Server",
    "Settings",
    "Tournament",
    "Training",
    "Triggers",
    "Watch",
    "load_settings",
]
