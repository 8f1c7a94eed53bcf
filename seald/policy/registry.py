"""Seed policies: the TOML files of `policies/`."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from seald.config.retraining import Subject
from seald.config.shipped import places
from seald.domain.policy import Form, MixedForm, Policy
from seald.domain.policy_version import require_subject
from seald.errors import ConfigError

_PLACES = places("policies")
BY_RULE = "none"
"""The form that always belongs to a mix: the passage itself."""
TARGETED = "targeted"
"""The form of what is written after the mix: its first sample by rule, the others by the model."""
CONFIGURATION = "configuration"
"""The form of what is written for a task, and the seed policy that uses it alone."""


def load_policy(name: str, subject: Subject | None = None) -> tuple[Policy, dict[str, Form]]:
    """The policy `policies/<name>.toml`, which writes about `subject` where that is given, and all forms of the folder.

    A file with a `[form]` describes that form, and the policy that uses it alone (beside the passage itself); one
    with `[[mix]]` mixes forms of the other files. With a `[writer]`, another model than the served one writes.

    Raises:
        ConfigError: no such policy, or it writes about something else, or a file does not fit; the message names file
            and key.
    """
    folder, files, forms = _all()
    if name not in files:
        raise ConfigError(
            f"policy.name is {name!r}; {folder.name}/ has {', '.join(files) or 'none'}", param="policy.name"
        )
    policy = _policy(folder, name, files[name], forms)
    return policy if subject is None else require_subject(policy, subject), forms


def seed_forms(forms: Mapping[str, Form]) -> list[Form]:
    """Those that a model writes for a whole passage, by name: a learned policy's opponents."""
    written = (form for _, form in sorted(forms.items()) if form.prompt is not None and form.subject == "passage")
    return [form for form in written if form.name != TARGETED]


def seed_policies() -> list[Policy]:
    """Every policy of the folder, by name. Raises ConfigError where a file does not fit."""
    folder, files, forms = _all()
    return [_policy(folder, name, values, forms) for name, values in files.items()]


def _all() -> tuple[Path, dict[str, dict[str, Any]], dict[str, Form]]:
    folder = next((place for place in _PLACES if place.is_dir()), _PLACES[0])
    files = {file.stem: _read(file) for file in sorted(folder.glob("*.toml"), key=lambda file: file.stem)}
    forms = {stem: _form(folder, stem, values["form"]) for stem, values in files.items() if "form" in values}
    return folder, files, forms


def _read(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file} is not valid TOML: {error}") from None


def _form(folder: Path, name: str, values: dict[str, Any]) -> Form:
    try:
        return Form(name=name, **values)
    except ValidationError as error:
        raise _wrong(folder, name, error) from None


def _policy(folder: Path, name: str, values: dict[str, Any], forms: dict[str, Form]) -> Policy:
    alone = [{"form": name, "samples": 1}] if "form" in values else []
    known = {key: value for key, value in values.items() if key not in ("form", "mix")}
    if told := {"version", "subject"} & known.keys():
        raise ConfigError(f"{folder / name}.toml: {min(told)} is not for a file to say", param=min(told))
    try:
        mix = [MixedForm.model_validate(m) for m in values.get("mix") or alone]
        subject = _subject(folder, name, mix, forms)
        by_rule = [MixedForm(form=BY_RULE, samples=1)] if subject == "passage" else []
        policy = Policy(version=name, mix=(*by_rule, *mix), subject=subject, **known)
    except ValidationError as error:
        raise _wrong(folder, name, error) from None
    unknown = [mixed.form for mixed in policy.mix if mixed.form not in forms]
    if unknown:
        raise ConfigError(f"{folder / name}.toml mixes {', '.join(unknown)}, which no file describes", param="mix")
    unique = {mixed.form: mixed for mixed in policy.mix}
    return policy.model_copy(update={"mix": tuple(unique.values())})


def _subject(folder: Path, name: str, mix: Sequence[MixedForm], forms: Mapping[str, Form]) -> Subject:
    subjects: set[Subject] = {forms[mixed.form].subject for mixed in mix if mixed.form in forms} or {"passage"}
    if len(subjects) > 1:
        raise ConfigError(f"{folder / name}.toml mixes forms for passages with forms for tasks", param="mix")
    return subjects.pop()


def _wrong(folder: Path, name: str, error: ValidationError) -> ConfigError:
    first = error.errors()[0]
    key = ".".join(str(part) for part in first["loc"])
    return ConfigError(f"{folder / name}.toml: {key}: {first['msg']}", param=key)
