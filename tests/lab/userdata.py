"""User data as a machine carries it out: a script, or the part of `#cloud-config` that the lab knows; all else is an error.

An error is told on the machine's console and the machine does not boot, so that nobody relies on what the lab skips.
"""

import base64
import gzip

import yaml

KEYS = {
    "bootcmd": list,
    "users": list,
    "ssh_keys": dict,
    "ssh_deletekeys": bool,
    "disable_root": bool,
    "write_files": list,
    "runcmd": list,
    "ssh_pwauth": (bool, str),
    "package_update": bool,
}
USER = {"name", "groups", "primary_group", "sudo", "shell", "lock_passwd", "ssh_authorized_keys"}
FILE = {"path", "content", "encoding", "owner", "permissions", "append", "defer"}
ENCODINGS = {"text/plain", "b64", "base64", "gz+b64", "gzip+base64", "gz+base64", "gzip+b64"}
HOST_KEYS = {"ed25519_private", "ed25519_public"}


def parse(raw):
    """The parts of a machine's spec that tell of its user data."""
    done = {"config": {}, "script": "", "errors": []}
    if raw[:2] == b"\x1f\x8b":
        try:
            raw = gzip.decompress(raw)
        except (OSError, EOFError) as why:
            done["errors"].append(f"user data: {why}")
            return done
    if raw.startswith(b"#!"):
        done["script"] = base64.b64encode(raw).decode()
    elif raw.split(b"\n", 1)[0].rstrip() == b"#cloud-config":
        try:
            config = yaml.safe_load(raw) or {}
        except (yaml.YAMLError, ValueError) as why:
            done["errors"].append(f"user data: Failed loading yaml blob: {why}")
            return done
        done["errors"] = list(wrong(config))
        if not done["errors"]:
            done["config"] = plain(config)
    elif raw:
        done["errors"].append("Unhandled non-multipart (text/x-not-multipart) userdata")
    return done


def plain(value):
    """As JSON can have it: bytes, of YAML's `!!binary`, become text."""
    if isinstance(value, dict):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, list):
        return [plain(each) for each in value]
    return value.decode() if isinstance(value, bytes) else value


def wrong(config):
    if not isinstance(config, dict):
        yield "user data: not a mapping"
        return
    for key, value in config.items():
        if key not in KEYS:
            yield f"user data: the lab does not carry out `{key}`"
        elif not isinstance(value, KEYS[key]):
            yield f"user data: {key} is of the wrong kind"
    for key in ("bootcmd", "runcmd"):
        for item in config.get(key) or []:
            good = isinstance(item, str) or (isinstance(item, list) and all(isinstance(each, (str, int)) for each in item))
            if not good:
                yield f"user data: {key}: {item!r} is neither text nor a list of texts"
    for item in config.get("users") or []:
        if isinstance(item, str):
            if item != "default":
                yield f"user data: users: `{item}` is not `default`"
        elif not isinstance(item, dict) or not isinstance(item.get("name"), str):
            yield "user data: users: one without a name"
        else:
            yield from (f"user data: users: the lab does not carry out `{key}`" for key in item.keys() - USER)
    for item in config.get("write_files") or []:
        if not isinstance(item, dict) or not isinstance(item.get("path"), str):
            yield "user data: write_files: one without a path"
            continue
        yield from (f"user data: write_files: the lab does not carry out `{key}`" for key in item.keys() - FILE)
        if item.get("encoding", "text/plain") not in ENCODINGS:
            yield f"user data: write_files: no encoding `{item['encoding']}`"
        if not isinstance(item.get("permissions", "0644"), str):
            yield "user data: write_files: permissions are not a text, so that YAML reads them as it likes"
    keys = config.get("ssh_keys") or {}
    if isinstance(keys, dict):
        yield from (f"user data: ssh_keys: the lab does not carry out `{key}`" for key in keys.keys() - HOST_KEYS)
        if keys and keys.keys() != HOST_KEYS:
            yield "user data: ssh_keys: one half only"
