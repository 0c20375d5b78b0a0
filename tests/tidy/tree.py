"""The checkout as the checks see it: its files, and C++ sources reduced to what the compiler reads.

Works on the work tree and not on git, so that a file is checked before it is committed and a
checkout without git is checked too.
"""

import os
import re
from pathlib import Path
from typing import Iterator, NamedTuple

PRODUCT = ("common", "config", "server", "client")
_PRUNED = {".git", ".kvd-demo", ".cache", "__pycache__", "build"}


class Finding(NamedTuple):
    path: str
    line: int
    message: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: error: {self.message}"


class Include(NamedTuple):
    line: int
    target: str
    quoted: bool


def walk(root: Path) -> Iterator[str]:
    """Paths of all files of the checkout, relative to its root, sorted."""
    for folder, folders, files in os.walk(root):
        folders[:] = sorted(f for f in folders if f not in _PRUNED and not f.startswith("build-"))
        for name in sorted(f for f in files if f not in _PRUNED):
            yield os.path.relpath(os.path.join(folder, name), root)


def read_text(path: Path) -> str | None:
    """The file's text; None if it is binary."""
    data = path.read_bytes()
    if b"\0" in data:
        return None
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return None


def is_cpp(path: str) -> bool:
    return path.endswith((".h", ".cc"))


def cpp_sources(root: Path, folders: tuple[str, ...]) -> dict[str, str]:
    """Text by path of every .h and .cc below the folders."""
    texts = {}
    for path in walk(root):
        if is_cpp(path) and path.startswith(tuple(f + "/" for f in folders)):
            texts[path] = (root / path).read_text(encoding="utf-8")
    return texts


_TOKEN = re.compile(
    r"""(?P<comment> //[^\n]* | /\*.*?\*/ )
      | (?P<raw> (?:u8|[uUL])?R"(?P<tag>[^()\\\s]{0,16})\(.*?\)(?P=tag)" )
      | (?P<string> "(?:\\.|[^"\\\n])*" )
      | (?P<digits> (?<=[0-9a-fA-F])'(?=[0-9a-fA-F]) )
      | (?P<char> '(?:\\.|[^'\\\n])+' )""",
    re.DOTALL | re.VERBOSE,
)


def _blank(text: str) -> str:
    return re.sub(r"[^\n]", " ", text)


def without_comments(text: str) -> str:
    """The same text, lines in place, comments blanked."""
    return _TOKEN.sub(lambda m: _blank(m[0]) if m["comment"] else m[0], text)


def code_only(text: str) -> str:
    """The same text, lines in place, comments and the contents of literals blanked."""
    return _TOKEN.sub(lambda m: m[0] if m["digits"] else _blank(m[0]), text)


_INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*(?:"([^"\n]+)"|<([^>\n]+)>)', re.MULTILINE)


def includes(text: str) -> list[Include]:
    stripped = without_comments(text)
    return [
        Include(line_of(stripped, m.start()), m[1] or m[2], m[1] is not None)
        for m in _INCLUDE.finditer(stripped)
    ]


def line_of(text: str, position: int) -> int:
    return text.count("\n", 0, position) + 1
