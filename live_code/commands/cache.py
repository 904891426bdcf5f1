"""``live-code cache``: what the store holds, making room in it, proving it, emptying it."""

from __future__ import annotations

import tempfile
import time
from argparse import Namespace
from collections.abc import Iterable
from pathlib import Path

from live_code.errors import StoreError
from live_code.tools import sizes
from live_code.tools.git import local
from live_code.tools.git.local import GitFailed
from live_code.tools.git.repository import Repository
from live_code.tools.settings import Inherited
from live_code.tools.store import Store, eviction, lease
from live_code.tools.store.eviction import Item
from live_code.tools.telemetry import space
from live_code.tools.terminal import log


def run(arguments: Namespace, store: Store) -> int:
    """Does the ``action`` that was asked for; returns the exit code. What a read-only layer has is shown, too."""
    if store.trouble and arguments.action in ("gc", "clear"):
        raise StoreError(f"{store.trouble}.", hint="Nothing can be removed here.")
    if store.trouble:
        log.warning(store.trouble)
    if arguments.action == "ls":
        return _list(store.layers)
    if arguments.action == "verify":
        return _verify(store.layers, arguments.settings().inherited)
    limit = sizes.parse(arguments.max_size) if arguments.action == "gc" else 0
    if limit:
        _pack(store, arguments.idle, arguments.settings().inherited)
    return _make_room(store, limit, arguments.idle)


def _list(layers: Iterable[Store]) -> int:
    for layer in layers:
        entries = eviction.items(layer)
        for item in entries:
            used = time.strftime("%Y-%m-%d %H:%M", time.localtime(item.used_at))
            print(f"{sizes.shown(item.bytes):>9}  {used}  {_name(item)}")
        print(f"{sizes.shown(sum(item.bytes for item in entries)):>9}  {len(entries)} entries in {layer.root}")
    return 0


def _make_room(store: Store, limit: int, idle_s: float) -> int:
    room = eviction.make_room(store, limit, idle_s)
    for item in room.in_use:
        print(f"{_name(item)}: {_why_kept(store, item, idle_s)}")
    print(f"removed {sizes.shown(room.removed)}; {sizes.shown(room.left)} are left")
    if limit and room.left > limit:
        print(f"that is more than {sizes.shown(limit)}: what is named above stays")
        return 1
    return 0


def _pack(store: Store, idle_s: float, inherited: Inherited) -> None:
    """Puts repositories together that many fetches have scattered. One that is in use waits for another time: what
    another host has open there must not go."""
    for item in eviction.items(store, ("git",)):
        repo, left = Repository(item.path), space.free(item.path)
        if not repo.is_scattered() or (left is not None and left < item.bytes):
            continue
        with lease.unused(store.used(item.kind, item.key), idle_s) as free:
            pass  # no longer than this: who begins to use it meanwhile needs not wait
        if free:
            _pack_one(store, item, repo, inherited)


def _pack_one(store: Store, item: Item, repo: Repository, inherited: Inherited) -> None:
    before = repo.packs()
    with store.locked(item.kind, item.key, f"{_name(item)} is being packed"):
        repo.sweep()
        try:
            repo.pack(_git_environment(item, inherited))
        except GitFailed as error:
            log.warning(f"{_name(item)} can't be packed: {error}")
            return
    print(f"{_name(item)}: {before} packs are now {repo.packs()}")


def _why_kept(store: Store, item: Item, idle_s: float) -> str:
    with lease.unused(store.used(item.kind, item.key), 0) as free:
        age = time.time() - item.used_at
    if not free or age >= idle_s:
        return "in use"
    return f"used {age:.0f} s ago (spared for {idle_s - age:.0f} s: --idle 0)"


def _verify(layers: Iterable[Store], inherited: Inherited) -> int:
    damaged = 0
    for item in (item for layer in layers for item in eviction.items(layer, ("git",))):
        if damage := _damage(item, inherited):
            damaged += 1
            print(f"{_name(item)}: {damage.splitlines()[0]}")
    print(f"{damaged} damaged; the next start that needs one makes it anew" if damaged else "all is whole")
    return 1 if damaged else 0


def _damage(item: Item, inherited: Inherited) -> str:
    repo = Repository(item.path)
    if not repo.has_objects():
        return ""
    with tempfile.TemporaryDirectory(prefix="live-code-git-") as home:  # the layer may be read-only
        local.write_settings(Path(home), [repo.path])
        return repo.damage(local.environment(inherited, Path(home)))


def _git_environment(item: Item, inherited: Inherited) -> dict[str, str]:
    home = item.path / "live-code"
    local.write_settings(home, [item.path])
    return local.environment(inherited, home)


def _name(item: Item) -> str:
    return f"{item.kind}/{item.key}".rstrip("/")
