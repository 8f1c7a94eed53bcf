"""`seald keys`: who may ask the daemon for what."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Annotated, Any

import typer
from pydantic import ValidationError
from rich.markup import escape

from seald.cli.client import DEFAULT_URL, AsJson, Daemon, Reason, Refused, Url, because, say, show_json, show_list
from seald.config import load_settings

SECONDS_OF_A_DAY = 86_400
DEFAULT_FILE = "admin.key"

app = typer.Typer(help="Keys: who may ask the daemon for what.", no_args_is_help=True)


@app.command("create")
def create(
    name: Annotated[str, typer.Argument(help="Whose it is, or what for.")],
    scope: Annotated[list[str] | None, typer.Option(help="chat, ingest or admin. May be repeated.")] = None,
    collection: Annotated[list[str] | None, typer.Option(help="Only of this collection. May be repeated.")] = None,
    model: Annotated[list[str] | None, typer.Option(help="Only this model id. May be repeated.")] = None,
    rate: Annotated[int | None, typer.Option(min=0, help="Requests a minute; 0: no limit.")] = None,
    concurrency: Annotated[int | None, typer.Option(min=0, help="Requests at once; 0: no limit.")] = None,
    days: Annotated[int | None, typer.Option(min=1, max=36_500, help="It expires after so many days.")] = None,
    file: Annotated[
        Path | None, typer.Option(help="Write the secret into this new file, for this user alone, and do not print it.")
    ] = None,
    offline: Annotated[
        bool, typer.Option("--offline", help="Write into the data folder itself; no daemon may run on it.")
    ] = False,
    config: Annotated[Path | None, typer.Option(help="With --offline: the daemon's seald.toml.")] = None,
    data_dir: Annotated[Path | None, typer.Option(help="With --offline: the daemon's data folder.")] = None,
    reason: Reason = None,
    url: Url = DEFAULT_URL,
    as_json: AsJson = False,
) -> None:
    """Make a key and print its secret, this once. With --offline: an admin's, by default, into DATA_DIR/admin.key."""
    limits = {"requests_per_minute": rate, "concurrency": concurrency}
    asked: dict[str, Any] = {key: value or None for key, value in limits.items() if value is not None}
    asked |= {"name": name, "collections": collection or None, "models": model or None}
    asked |= because(reason) or {}
    asked["expires"] = None if days is None else int(time.time()) + days * SECONDS_OF_A_DAY
    if offline:
        found = _create_offline({**asked, "scopes": scope or ["admin"]}, config, data_dir, file)
    elif not scope:
        raise typer.BadParameter("say what it may do: chat, ingest or admin", param_hint="--scope")
    else:
        found = _create(Daemon(url), {**asked, "scopes": scope}, file)
    _show(found, as_json=as_json)


@app.command("list")
def list_keys(url: Url = DEFAULT_URL, as_json: AsJson = False) -> None:
    """All keys, oldest first; of no key the secret."""
    found = Daemon(url).all("/v1/keys")
    if as_json:
        show_list("", found, {}, as_json=True)
        return
    columns = ("id", "name", "scopes", "collections", "models", "rate", "at once", "state")
    show_list(f"{len(found)} keys", [_row(key) for key in found], {c: c for c in columns}, as_json=False)


@app.command("revoke")
def revoke(
    id: Annotated[str, typer.Argument(help="Id of the key.")],
    reason: Reason = None,
    url: Url = DEFAULT_URL,
    as_json: AsJson = False,
) -> None:
    """Revoke a key: its next request is refused."""
    found = Daemon(url).delete(f"/v1/keys/{id}", reason=reason)
    if as_json:
        show_json(found)
    else:
        say(f"{found['id']} ({escape(found['name'])}) is revoked")


def _create(daemon: Daemon, asked: dict[str, Any], file: Path | None) -> dict[str, Any]:
    if file is None:
        found: dict[str, Any] = daemon.post("/v1/keys", asked)
        return found
    with _new_private_file(file) as secret:
        found = daemon.post("/v1/keys", asked)
        secret.write(found.pop("secret") + "\n")
    return {**found, "file": str(file)}


def _create_offline(
    asked: dict[str, Any], config: Path | None, data_dir: Path | None, file: Path | None
) -> dict[str, Any]:
    # Late: every other command starts in a tenth of the time without them.
    from seald.api.key_shapes import KeyObject
    from seald.domain.actor import Actor, acting
    from seald.domain.key import KeyAsk, new_secret
    from seald.store import open_stores

    settings = load_settings(config, data_dir=data_dir)
    try:
        ask = KeyAsk.model_validate({**settings.keys.model_dump(), **asked})
    except ValidationError as error:
        first = error.errors()[0]
        raise Refused(f"{'.'.join(map(str, first['loc']))}: {first['msg']}", code="invalid_value") from None
    stores = open_stores(settings)
    before = acting.set(Actor("offline"))
    try:
        path = file or settings.data_dir / DEFAULT_FILE
        with _new_private_file(path) as secret:
            # Written down first: a key whose secret nobody has would be of no use.
            made = new_secret()
            secret.write(made + "\n")
            secret.flush()
            os.fsync(secret.fileno())
            key = stores.keys.create(ask, made)
    finally:
        acting.reset(before)
        stores.close()
    return {**KeyObject.of(key).model_dump(mode="json"), "file": str(path)}


@contextmanager
def _new_private_file(path: Path) -> Iterator[IO[str]]:
    """A file that only this user may read, gone again where what is done with it fails. Raises Refused."""
    try:
        opened = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise Refused(f"{path} is there already; name another --file, or move it away", code="file_exists") from None
    except OSError as error:
        raise Refused(f"{path} cannot be written: {error.strerror}", code="not_writable") from None
    try:
        with os.fdopen(opened, "w", encoding="utf-8") as file:
            yield file
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def _show(found: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        show_json(found)
        return
    where = "its secret is in" if "file" in found else "its secret, which is shown this once:"
    say(f"{found['id']} ({escape(found['name'])}): {', '.join(found['scopes'])}; {where}")
    typer.echo(found.get("file") or found["secret"])


def _row(key: dict[str, Any]) -> dict[str, Any]:
    lists = {name: ", ".join(key[name]) if key[name] else None for name in ("scopes", "collections", "models")}
    return {**key, **lists, "rate": key["requests_per_minute"], "at once": key["concurrency"], "state": _state(key)}


def _state(key: dict[str, Any]) -> str:
    if key["revoked"] is not None:
        return "revoked"
    if key["expires"] is None:
        return "good"
    day = time.strftime("%Y-%m-%d", time.gmtime(key["expires"]))
    return f"expired {day}" if key["expires"] <= time.time() else f"until {day}"
