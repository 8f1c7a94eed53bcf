"""The file, the variables and the command line, laid over each other."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_settings import EnvSettingsSource

from seald.config.settings import Settings
from seald.errors import ConfigError


def load_settings(file: Path | None, **overrides: Any) -> Settings:
    """Read `file` (None: defaults), lay `SEALD_*` variables and then `overrides` over it.

    `overrides` are dotted keys with double underscores (`server__port=0`); None values are left out.

    Raises:
        ConfigError: the file is missing, cannot be read or is not TOML, or a key is unknown or has a wrong value; the
            message names each such key.
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
    except OSError as error:
        raise ConfigError(f"{file} cannot be read: {error.strerror or error}") from None
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
