"""What holds for every text file, whatever its language."""

import re
import subprocess
from pathlib import Path
from typing import NamedTuple

from tree import Finding, is_cpp, line_of, read_text, walk


class Rule(NamedTuple):
    message: str
    pattern: re.Pattern


# The patterns are split so that this file does not break its own rules.
RULES = (
    Rule("a tab; indent with spaces", re.compile("\t")),
    Rule("a blank at the end of the line", re.compile(r"[ \r]+$", re.MULTILINE)),
    Rule("a path of somebody's machine", re.compile(
        r"(?<![\w.}~])/(?:work|home|root|Users)/" + r"\w[\w.-]*")),
    Rule("a note of unfinished work; do it, or open an issue", re.compile(
        r"\b(?:TO" r"DO|FIX" r"ME|X" r"XX)\b")),
    # What this very machine lacks is a reason; ctest names each test that did not run.
    Rule("a test switched off; fix it or delete it", re.compile(
        r"\bDISABLED" r"_\w|\bGTEST_" r"SKIP\b(?!\(\) << why;)")),
    Rule("a failure swallowed", re.compile(r"\|\|[ ]true\b")),
)

# Long files are reported, not refused: ask why, the answer may be fine.
LONG_FILE_LINES = 400

_NOT_OURS = ("LICENSE", "proto/google/")
_BYTES = ("tests/fuzz/corpus/",)


def texts_of(root: Path) -> dict[str, str]:
    """Every text file of ours, by path."""
    texts = {}
    for path in walk(root):
        if path.startswith(_NOT_OURS + _BYTES):
            continue
        text = read_text(root / path)
        if text is not None:
            texts[path] = text
    return texts


def check(texts: dict[str, str], checkout: str = "") -> list[Finding]:
    """Breaches of the rules; `checkout` is this machine's path, which no file may contain."""
    findings = []
    for path, text in texts.items():
        for rule in RULES:
            findings += [Finding(path, line_of(text, m.start()), f"{rule.message}: {m[0]!r}")
                         for m in rule.pattern.finditer(text)]
        if checkout.count("/") > 2 and checkout in text:
            findings.append(Finding(path, line_of(text, text.index(checkout)),
                                    "the path of this checkout"))
        if text and not text.endswith("\n"):
            findings.append(Finding(path, line_of(text, len(text)), "no newline at the end"))
        elif text.endswith("\n\n"):
            findings.append(Finding(path, line_of(text, len(text)), "empty lines at the end"))
    return sorted(findings)


def long_files(texts: dict[str, str]) -> list[tuple[int, str]]:
    """Sources of ours longer than a reader likes, longest first."""
    lengths = [(text.count("\n"), path) for path, text in texts.items()
               if is_cpp(path) or path.endswith(".py")]
    return sorted((length, path) for length, path in lengths if length > LONG_FILE_LINES)[::-1]


def is_shell(path: str, text: str) -> bool:
    return path.endswith(".sh") or re.match(r"#!.*\b(?:ba)?sh\b", text) is not None


def check_scripts(root: Path, texts: dict[str, str]) -> list[Finding]:
    """Scripts can be executed, and shellcheck has nothing to say about those for a shell."""
    findings = [Finding(path, 1, "starts with #! but is not executable; chmod +x")
                for path, text in texts.items()
                if text.startswith("#!") and not (root / path).stat().st_mode & 0o100]
    shell = [path for path, text in texts.items() if is_shell(path, text)]
    if not shell:
        return findings
    ran = subprocess.run(["shellcheck", "-x", "--format=gcc", *shell], cwd=root, text=True,
                         capture_output=True, check=False)
    for line in ran.stdout.splitlines() + ran.stderr.splitlines():
        path, number, message = (line.split(":", 2) + ["0", line])[:3]
        findings.append(Finding(path, int(number) if number.isdigit() else 0, message.strip()))
    return findings
