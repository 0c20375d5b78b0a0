"""The arrows between rooms: who may include whom.

Two rules. A room includes only what its kvd_room() call lists: DEPS from headers, DEPS and PRIVATE
from sources. And whatever is listed, arrows go down the layers of ARCHITECTURE.md, never up and
never sideways; a room within a room (server/storage/rocks) may use the one around it.
"""

import re
from typing import NamedTuple

from tree import PRODUCT, Finding, includes

LAYERS = (
    {"common"},
    {"config", "server/ring", "server/storage", "server/observability"},
    {"server/raft", "server/heartbeat"},
    {"server/topology", "server/partition"},
    {"server/node"},
    {"server/runtime"},
    {"server/rpc"},
    {"server/daemon"},
)
# Of the client's rooms, each beside what all of them may use.
CLIENT_MAY_USE = {"common", "config", "client"}
CLIENT_ROOMS = {"client/kvctl": {"client/load"}}


class Room(NamedTuple):
    deps: frozenset[str]
    private: frozenset[str]


def parse_rooms(text: str) -> dict[str, Room]:
    """Reads CMake's rooms.txt: "server/ring: kvd::common | fmt::fmt", folders for kvd:: names."""
    lines = [re.fullmatch(r"(\S+): (.*)\| ?(.*)", line) for line in text.splitlines()]
    folders: dict[str, str] = {}
    for line in filter(None, lines):
        name = line[1].rsplit("/", 1)[-1]
        if name in folders:
            raise ValueError(f"rooms {folders[name]} and {line[1]} share the name kvd::{name}")
        folders[name] = line[1]

    def rooms_in(targets: str) -> frozenset[str]:
        names = (t[len("kvd::"):] for t in targets.split() if t.startswith("kvd::"))
        return frozenset(folders.get(name, name) for name in names)

    return {m[1]: Room(rooms_in(m[2]), rooms_in(m[3])) for m in lines if m}


def room_of(path: str, rooms) -> str | None:
    """The innermost room that holds the file."""
    holders = [room for room in rooms if path.startswith(room + "/")]
    return max(holders, key=len, default=None)


def _layer(room: str) -> int | None:
    for number, members in enumerate(LAYERS):
        if any(room == m or room.startswith(m + "/") for m in members):
            return number
    return None


def goes_up(source: str, target: str) -> str | None:
    """Why no arrow may lead from one room to the other; None if it may."""
    if source.startswith(target + "/"):
        return None
    if source.split("/")[0] == "client":
        if target in CLIENT_MAY_USE | CLIENT_ROOMS.get(source, set()):
            return None
        return "client sees only proto, common and config"
    here, there = _layer(source), _layer(target)
    if here is None or there is None:
        stranger = source if here is None else target
        return f"{stranger} has no layer; give it one in ARCHITECTURE.md and tests/tidy/arrows.py"
    if there < here:
        return None
    return f"{target} is {'beside' if there == here else 'above'} {source}"


def check(sources: dict[str, str], rooms: dict[str, Room]) -> list[Finding]:
    product = {name: room for name, room in rooms.items() if name.split("/")[0] in PRODUCT}
    findings = []
    for name, room in product.items():
        for target in sorted(room.deps | room.private):
            if reason := goes_up(name, target):
                findings.append(
                    Finding(f"{name}/CMakeLists.txt", 1, f"links {target}, but {reason}"))
    for path, text in sources.items():
        findings += _check_file(path, text, product)
    return findings


def _check_file(path: str, text: str, rooms: dict[str, Room]) -> list[Finding]:
    here = room_of(path, rooms)
    if here is None:
        return [Finding(path, 1, "belongs to no room: no kvd_room() names its folder")]
    findings = []
    for include in includes(text):
        if include.target.startswith("tests/"):
            findings.append(Finding(path, include.line, "includes a test's header"))
            continue
        if include.quoted and "/" not in include.target:
            findings.append(Finding(
                path, include.line,
                f'includes "{include.target}" by its bare name; write "{here}/{include.target}"'))
            continue
        there = room_of(include.target, rooms)
        if there is None or there == here or include.target.endswith(".pb.h"):
            continue
        if reason := _refusal(path, here, there, rooms[here]):
            findings.append(Finding(path, include.line, f"includes {include.target}, but {reason}"))
    return findings


def _refusal(path: str, here: str, there: str, room: Room) -> str | None:
    if reason := goes_up(here, there):
        return reason
    if there in room.deps:
        return None
    name = "kvd::" + there.rsplit("/", 1)[-1]
    if there not in room.private:
        return f"{here}/CMakeLists.txt lists {name} neither under DEPS nor under PRIVATE"
    if path.endswith(".h"):
        return f"{here}/CMakeLists.txt lists {name} as PRIVATE: only sources may include it"
    return None
