"""Every header stands alone: it compiles by itself, is included once, and opens with a comment.

A source whose first include is the header has already proved that it compiles by itself, because
the build compiled that source. Only the other headers are compiled here, each as the one line of an
otherwise empty source, with the flags of a source of the same folder.
"""

import json
import shlex
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path, PurePath
from typing import NamedTuple

from tree import Finding, includes


class Compilation(NamedTuple):
    """How one source of ours is compiled."""
    path: str            # Relative to the checkout.
    folder: str          # Where the compiler runs.
    flags: tuple[str, ...]  # The compiler and its flags, without source and output.


def read_compilations(root: Path, build: Path) -> list[Compilation]:
    """What compile_commands.json says of the sources in the checkout; generated ones are left out."""
    database = build / "compile_commands.json"
    if not database.exists():
        raise FileNotFoundError(f"{database} is missing: configure the build first")
    compilations = []
    for entry in json.loads(database.read_text(encoding="utf-8")):
        source = Path(entry["directory"], entry["file"])
        if source.is_relative_to(root) and not source.is_relative_to(build):
            words = shlex.split(entry["command"])
            compilations.append(Compilation(
                str(source.relative_to(root)), entry["directory"], flags_of(words, entry["file"])))
    return compilations


def flags_of(words: list[str], source: str) -> tuple[str, ...]:
    """A compile command without its launcher, source and outputs."""
    if PurePath(words[0]).name == "ccache":
        words = words[1:]
    kept, takes_value = [], False
    for word in words:
        if takes_value:
            takes_value = False
        elif word in ("-o", "-MF", "-MT", "-MQ"):
            takes_value = True
        elif word not in ("-c", "-MD", "-MMD", source):
            kept.append(word)
    return tuple(kept)


def shape(texts: dict[str, str]) -> list[Finding]:
    findings = []
    for path, text in headers_of(texts).items():
        if not text.startswith("//"):
            findings.append(Finding(path, 1, "opens without a paragraph that says what it decides"))
        if "\n#pragma once\n" not in text:
            findings.append(Finding(path, 1, "has no #pragma once"))
    return findings


def headers_of(texts: dict[str, str]) -> dict[str, str]:
    return {path: text for path, text in texts.items() if path.endswith(".h")}


def unproven(texts: dict[str, str], compiled: set[str]) -> list[str]:
    """The headers that no compiled source includes before anything else."""
    first = set()
    for path in compiled & texts.keys():
        listed = includes(texts[path])
        if listed:
            first.add(listed[0].target)
    return sorted(headers_of(texts).keys() - first)


def nearest(header: str, compilations: list[Compilation]) -> Compilation:
    """The compilation of a source that shares the most leading folders with the header."""
    return max(compilations, key=lambda c: _shared_folders(header, c.path))


def _shared_folders(one: str, other: str) -> int:
    shared = 0
    for a, b in zip(PurePath(one).parent.parts, PurePath(other).parent.parts):
        if a != b:
            break
        shared += 1
    return shared


def compile_alone(root: Path, header: str, compilation: Compilation) -> Finding | None:
    command = [*compilation.flags, "-I", str(root), "-fsyntax-only", "-x", "c++", "-"]
    ran = subprocess.run(command, cwd=compilation.folder, input=f'#include "{header}"\n', text=True,
                         capture_output=True, check=False)
    if ran.returncode == 0:
        return None
    return Finding(header, 1, "does not compile by itself:\n" + ran.stderr)


def check(root: Path, build: Path, texts: dict[str, str], jobs: int) -> list[Finding]:
    compilations = read_compilations(root, build)
    alone = unproven(texts, {c.path for c in compilations})
    with ThreadPoolExecutor(jobs) as pool:
        results = pool.map(lambda h: compile_alone(root, h, nearest(h, compilations)), alone)
        return shape(texts) + [finding for finding in results if finding]
