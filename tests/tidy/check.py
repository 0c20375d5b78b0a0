#!/usr/bin/env python3
"""Checks what the compiler does not: tests/tidy/check.py CHECK [--build FOLDER]

  arrows   rooms include only what they list, and never upwards
  walls    gRPC, RocksDB, clocks, threads and chance stay in their rooms
  headers  every header compiles by itself and says what it is for
  text     no machine's paths, no unfinished notes, no swallowed failures, no tabs
  scripts  shell scripts pass shellcheck
  sizes    reports long files; never fails
  format   clang-format would change nothing

Prints every breach as file:line: error: message; exit code 1 if there was one.
"""

import argparse
import os
import shutil
import subprocess
import sys
from pathlib import Path

import arrows
import headers
import text
import tree
import walls

ROOT = Path(__file__).resolve().parents[2]


def check_arrows(build: Path) -> list[tree.Finding]:
    rooms = arrows.parse_rooms((build / "rooms.txt").read_text(encoding="utf-8"))
    return arrows.check(tree.cpp_sources(ROOT, tree.PRODUCT), rooms)


def check_walls(_build: Path) -> list[tree.Finding]:
    return walls.check(tree.cpp_sources(ROOT, tree.PRODUCT))


def check_headers(build: Path) -> list[tree.Finding]:
    texts = tree.cpp_sources(ROOT, tree.PRODUCT + ("tests",))
    return headers.check(ROOT, build, texts, jobs=os.cpu_count() or 1)


def check_text(_build: Path) -> list[tree.Finding]:
    return text.check(text.texts_of(ROOT), str(ROOT))


def check_scripts(_build: Path) -> list[tree.Finding]:
    return text.check_scripts(ROOT, text.texts_of(ROOT))


def report_sizes(_build: Path) -> list[tree.Finding]:
    for length, path in text.long_files(text.texts_of(ROOT)):
        print(f"{path}: {length} lines; ask why")
    return []


def check_format(_build: Path) -> list[tree.Finding]:
    # Another version formats differently: take 14, Debian 12's, where there is a choice.
    formatter = shutil.which("clang-format-14") or shutil.which("clang-format")
    if not formatter:
        return [tree.Finding("deploy/packages.txt", 1, "clang-format is not installed: section ci")]
    sources = sorted(tree.cpp_sources(ROOT, tree.PRODUCT + ("tests",)))
    ran = subprocess.run([formatter, "--dry-run", "--Werror", *sources], cwd=ROOT, text=True,
                         capture_output=True, check=False)
    if ran.returncode == 0:
        return []
    sys.stderr.write(ran.stderr)
    return [tree.Finding(".clang-format", 1, "sources differ; run clang-format -i on them")]


CHECKS = {
    "arrows": check_arrows,
    "walls": check_walls,
    "headers": check_headers,
    "text": check_text,
    "scripts": check_scripts,
    "sizes": report_sizes,
    "format": check_format,
}


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("check", choices=CHECKS)
    parser.add_argument("--build", type=Path, default=ROOT / "build/release")
    arguments = parser.parse_args()
    findings = CHECKS[arguments.check](arguments.build.resolve())
    for finding in findings:
        print(finding)
    print(f"{arguments.check}: " + (f"{len(findings)} breaches" if findings else "clean"))
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
