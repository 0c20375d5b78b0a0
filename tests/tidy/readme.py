#!/usr/bin/env python3
"""Runs the commands of a README as a reader would: tests/tidy/readme.py README.md

Every ```sh and ```console block is run, in order, in one bash session in the checkout, except
blocks whose line above is <!-- not run: REASON -->. In an sh block each line is a command. In a
console block a command follows "$ ", goes on after "> ", and what stands below it is the output
expected, stdout and stderr together; "..." stands for any text, on a line or for whole lines.
A command must end with 0; `; echo rc=$?` shows one that should not.

Stops at the first difference and says what was expected and what came.
"""

import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
TIMEOUT_SECONDS = 3600
_MARK = "\x01kvd-readme"


class Command(NamedTuple):
    line: int
    text: str
    expected: str | None = None  # None: any output will do.


_BLOCK = re.compile(r"(?P<skip><!-- not run: [^\n]+ -->\n)?```(?P<kind>sh|console)\n(?P<body>.*?)^```$",
                    re.DOTALL | re.MULTILINE)


def commands_of(markdown: str) -> list[Command]:
    commands = []
    for block in _BLOCK.finditer(markdown):
        if block["skip"]:
            continue
        first = markdown.count("\n", 0, block.start("body")) + 1
        lines = list(enumerate(block["body"].splitlines(), first))
        commands += _session(lines) if block["kind"] == "console" else _script(lines)
    return commands


def _script(lines) -> list[Command]:
    return [Command(number, text) for number, text in lines
            if text.strip() and not text.startswith("#")]


def _session(lines) -> list[Command]:
    commands: list[Command] = []
    for number, text in lines:
        if text.startswith("$ "):
            commands.append(Command(number, text[2:], ""))
        elif not commands:
            raise ValueError(f"line {number}: a console block begins with a command after '$ '")
        elif text.startswith("> "):
            last = commands[-1]
            commands[-1] = last._replace(text=f"{last.text}\n{text[2:]}")
        else:
            last = commands[-1]
            commands[-1] = last._replace(expected=f"{last.expected}{text}\n")
    return commands


def matches(expected: str, actual: str) -> bool:
    """Whether the output is the expected one; blanks at line ends do not count."""
    def normal(text: str) -> str:
        return "\n".join(line.rstrip() for line in text.strip("\n").splitlines())
    pattern = re.escape(normal(expected)).replace(re.escape("..."), ".*")
    return re.fullmatch(pattern, normal(actual), re.DOTALL) is not None


def script_of(commands: list[Command]) -> str:
    """One bash script for all commands, which marks where the output of each ends."""
    parts = ["exec 2>&1 </dev/null"]
    for number, command in enumerate(commands):
        parts.append(command.text)
        parts.append(f"rc=$?; printf '\\n{_MARK} %d %d\\n' {number} $rc; [[ $rc -eq 0 ]] || exit $rc")
    return "\n".join(parts) + "\n"


def problem(commands: list[Command], output: str) -> str | None:
    """What went differently from the text, first difference first; None if nothing did."""
    pieces = re.split(rf"\n{_MARK} \d+ (\d+)\n", output)
    ran = list(zip(pieces[0::2], pieces[1::2]))
    for number, command in enumerate(commands):
        where = f"line {command.line}: {command.text}\n"
        if number >= len(ran):
            return where + "did not end; it printed:\n" + pieces[-1]
        printed, rc = ran[number]
        if rc != "0":
            return where + f"ended with exit code {rc}; it printed:\n{printed}"
        if command.expected is not None and not matches(command.expected, printed):
            return where + f"should print:\n{command.expected}\nbut printed:\n{printed}"
    return None


def run(commands: list[Command], folder: Path) -> str | None:
    with tempfile.NamedTemporaryFile("w", suffix=".sh", encoding="utf-8") as script:
        script.write(script_of(commands))
        script.flush()
        try:
            ran = subprocess.run(["bash", script.name], cwd=folder, capture_output=True,
                                 timeout=TIMEOUT_SECONDS, check=False)
        except subprocess.TimeoutExpired as late:
            return problem(commands, (late.stdout or b"").decode(errors="replace"))
    return problem(commands, ran.stdout.decode(errors="replace"))


def main() -> int:
    if len(sys.argv) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    path = Path(sys.argv[1])
    commands = commands_of(path.read_text(encoding="utf-8"))
    if not commands:
        print(f"{path}: no commands found", file=sys.stderr)
        return 1
    if different := run(commands, ROOT):
        print(f"{path}: {different}", file=sys.stderr)
        return 1
    print(f"{path}: {len(commands)} commands do what it says")
    return 0


if __name__ == "__main__":
    sys.exit(main())
