"""Small READMEs, run for real."""

import tempfile
import unittest
from pathlib import Path

import readme


def outcome(markdown):
    with tempfile.TemporaryDirectory() as folder:
        return readme.run(readme.commands_of(markdown), Path(folder))


class ReadmeTest(unittest.TestCase):
    def test_what_is_true_passes(self):
        self.assertIsNone(outcome(
            "# x\n```sh\n# a comment\nexport GREETING=hello\ntouch here\n```\nand\n"
            "```console\n$ echo $GREETING\nhello\n$ ls\nhere\n$ printf a\na\n"
            "$ cat <<EOF\n> two\n> EOF\ntwo\n$ false; echo rc=$?\nrc=1\n```\n"))

    def test_other_output_is_told_with_its_line(self):
        said = outcome("```console\n$ echo one\none\n$ echo two\nthree\n```\n")
        self.assertTrue(said.startswith("line 4: echo two\n"), said)

    def test_a_failure_stops_and_is_told(self):
        said = outcome("```sh\nls nosuch\n```\n```sh\ntouch never\n```\n")
        self.assertIn("line 2: ls nosuch\nended with exit code 2", said)

    def test_a_session_that_leaves_early_is_told(self):
        self.assertIn("did not end", outcome("```sh\nexit 0\ntrue\n```\n"))

    def test_stderr_counts_as_output(self):
        self.assertIsNotNone(outcome("```console\n$ echo oops >&2\n```\n"))

    def test_blocks_marked_not_run_and_other_languages_are_left_alone(self):
        self.assertEqual(readme.commands_of(
            "<!-- not run: takes a day -->\n```sh\nfalse\n```\n```yaml\na: b\n```\n"), [])

    def test_dots_stand_for_any_text(self):
        self.assertTrue(readme.matches("a ... c\n...\nz\n", "a b c\nx\ny\nz  \n"))
        self.assertFalse(readme.matches("a ... c\n", "a b d\n"))
        self.assertFalse(readme.matches("a\n", "a\nb\n"))


if __name__ == "__main__":
    unittest.main()
