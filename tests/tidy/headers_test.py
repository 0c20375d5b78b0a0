"""Headers in a temporary checkout, compiled for real with the compiler of this machine."""

import json
import tempfile
import unittest
from pathlib import Path

import headers

GOOD = "// Counts.\n#pragma once\n\n#include <cstdint>\n\ninline uint8_t Two() { return 2; }\n"


class HeadersTest(unittest.TestCase):
    def test_shape_wants_a_paragraph_and_a_pragma(self):
        self.assertEqual(headers.shape({"a/good.h": GOOD, "a/source.cc": ""}), [])
        self.assertEqual(len(headers.shape({"a/bare.h": "int x;\n"})), 2)
        self.assertEqual(len(headers.shape({"a/silent.h": GOOD.split("\n", 1)[1]})), 2)

    def test_a_header_included_first_by_a_compiled_source_is_proven(self):
        texts = {"a/one.h": GOOD, "a/one.cc": '#include "a/one.h"\n#include "a/two.h"\n',
                 "a/two.h": GOOD, "a/two.cc": '#include "a/two.h"\n'}
        self.assertEqual(headers.unproven(texts, {"a/one.cc"}), ["a/two.h"])
        self.assertEqual(headers.unproven(texts, {"a/one.cc", "a/two.cc"}), [])

    def test_flags_are_the_command_without_launcher_source_and_outputs(self):
        words = "/usr/bin/ccache c++ -DX -MD -MF x.d -Iinc -o x.o -c x.cc".split()
        self.assertEqual(headers.flags_of(words, "x.cc"), ("c++", "-DX", "-Iinc"))

    def test_the_nearest_source_lends_its_flags(self):
        near = headers.Compilation("server/raft/raft.cc", "/", ())
        far = headers.Compilation("common/hash.cc", "/", ())
        self.assertEqual(headers.nearest("server/raft/ready.h", [far, near]), near)

    def test_a_header_that_leans_on_its_includer_is_found(self):
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder)
            (root / "a").mkdir()
            (root / "build").mkdir()
            texts = {"a/good.h": GOOD, "a/leans.h": GOOD.replace("#include <cstdint>\n", ""),
                     "a/main.cc": "int main() {}\n"}
            for path, text in texts.items():
                (root / path).write_text(text, encoding="utf-8")
            (root / "build/compile_commands.json").write_text(json.dumps([
                {"directory": str(root / "build"), "file": str(root / "a/main.cc"),
                 "command": f"c++ -std=c++20 -o main.o -c {root / 'a/main.cc'}"}]),
                encoding="utf-8")
            found = headers.check(root, root / "build", texts, jobs=2)
            self.assertEqual([f.path for f in found], ["a/leans.h"])
            self.assertIn("uint8_t", found[0].message)


if __name__ == "__main__":
    unittest.main()
