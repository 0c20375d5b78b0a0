"""Each rule is shown a breach. The breaches are put together at run time: this file obeys them."""

import os
import tempfile
import unittest
from pathlib import Path

import text

BREACHES = (
    "a\tb\n",
    "a \n",
    "a\r\n",
    "see /ho" "me/anna/kvd\n",
    "see /wo" "rk/main\n",
    "// TO" "DO: later\n",
    "# FIX" "ME\n",
    "TEST(A, DISABLED" "_B)\n",
    "GTEST_" "SKIP();\n",
    "cmd |" "| true\n",
    "no newline",
    "empty lines\n\n",
)


class TextTest(unittest.TestCase):
    def test_each_rule_finds_its_breach(self):
        for breach in BREACHES:
            with self.subTest(breach):
                found = text.check({"a.txt": "fine\n" + breach})
                self.assertGreaterEqual(len(found), 1)
                self.assertGreaterEqual(found[0].line, 2)

    def test_ordinary_text_is_free(self):
        # Of no machine: relative. Put together here, so that nothing like a path stands in the tree.
        relative = (("~", "work", "x"), ("a", "home", "b"), ("${x}", "root", "y"))
        below = "; ".join("/".join(parts) for parts in relative)
        fine = f"mkdtemp(kvd-XXXXXX); a || b; /var/lib/kvd; {below}\n"
        self.assertEqual(text.check({"a.txt": fine, "empty": ""}), [])

    def test_the_checkouts_own_path_is_found_wherever_it_is(self):
        self.assertEqual(len(text.check({"a": "in /srv/ann/kvd/x\n"}, "/srv/ann/kvd")), 1)

    def test_long_files_are_reported_longest_first(self):
        texts = {"a.cc": "x\n" * 401, "b.h": "x\n" * 500, "c.cc": "x\n" * 400, "d.md": "x\n" * 900}
        self.assertEqual(text.long_files(texts), [(500, "b.h"), (401, "a.cc")])


class ScriptsTest(unittest.TestCase):
    def found_in(self, script, mode):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "run")
            path.write_text(script, encoding="utf-8")
            os.chmod(path, mode)
            return text.check_scripts(Path(folder), text.texts_of(Path(folder)))

    def test_a_clean_script_passes(self):
        self.assertEqual(self.found_in('#!/usr/bin/env bash\necho "$1"\n', 0o755), [])

    def test_what_shellcheck_finds_is_a_breach(self):
        found = self.found_in("#!/bin/sh\necho $1\n", 0o755)
        self.assertEqual([(f.path, f.line) for f in found], [("run", 2)])

    def test_a_script_that_cannot_be_executed_is_a_breach(self):
        self.assertEqual(len(self.found_in("#!/usr/bin/env python3\n", 0o644)), 1)


if __name__ == "__main__":
    unittest.main()
