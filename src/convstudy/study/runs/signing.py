"""Signatures that distinguish runs of this machine from somebody else's, whose code is not run unasked."""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from contextlib import suppress
from functools import lru_cache
from pathlib import Path

import platformdirs

KEY_BYTES = 32


def state_folder() -> Path:
    """Return the folder that CONVSTUDY_STATE names, otherwise the platform's, such as ~/.local/state/convstudy."""
    return Path(os.environ.get("CONVSTUDY_STATE") or platformdirs.user_state_path("convstudy"))


def signature(text: str) -> str:
    """Return this user's signature of a text; empty if the user's state folder cannot be written."""
    key = _key(state_folder(), make=True)
    return "" if key is None else hmac.new(key, text.encode(), hashlib.sha256).hexdigest()


def is_signed(text: str, signed: object) -> bool:
    """Return whether this user has signed the text."""
    key = _key(state_folder(), make=False)
    if key is None or not isinstance(signed, str) or not signed.isascii():
        return False
    return hmac.compare_digest(hmac.new(key, text.encode(), hashlib.sha256).hexdigest(), signed)


def _key(folder: Path, *, make: bool) -> bytes | None:
    """Return the user's key, which nobody else can read; with `make`, it is made if there is none."""
    path = folder / "signing.key"
    with suppress(OSError):
        return _read(path)
    if not make:
        return None
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        draft = folder / f".{secrets.token_hex(8)}.part"
        descriptor = os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(secrets.token_bytes(KEY_BYTES))
        try:
            os.link(draft, path)  # fails if another process was first, whose key then counts
        except FileExistsError:
            pass
        except OSError:  # no hard links here
            draft.replace(path)
        finally:
            draft.unlink(missing_ok=True)
        return _read(path)
    except OSError:
        return None


@lru_cache(maxsize=4)
def _read(path: Path) -> bytes:
    key = path.read_bytes()
    if len(key) != KEY_BYTES:
        raise OSError(f"{path} holds no key")
    return key
