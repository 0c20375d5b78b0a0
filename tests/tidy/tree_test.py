"""C++ reduced to what the compiler reads: line numbers must survive, literals and comments not."""

import unittest

import tree


class CodeOnlyTest(unittest.TestCase):
    def test_comments_and_literals_are_blanked_and_lines_stay(self):
        text = 'a; // steady_clock\n/* float\n*/ b("double"); c(\'"\'); d("x\\"float");\n'
        code = tree.code_only(text)
        self.assertEqual(code.count("\n"), text.count("\n"))
        self.assertEqual(len(code), len(text))
        for word in ("steady_clock", "float", "double"):
            self.assertNotIn(word, code)
        for word in ("a;", "b(", "c(", "d("):
            self.assertIn(word, code)

    def test_raw_strings_end_at_their_own_delimiter(self):
        self.assertEqual(tree.code_only('x(R"re(a)" // float)re"); y').split(), ["x(", ");", "y"])

    def test_digit_separators_are_not_characters(self):
        self.assertIn("double", tree.code_only("int a = 600'000; double b = 1'0;"))

    def test_include_in_a_comment_is_none(self):
        text = '// #include "a/b.h"\n#include "c/d.h"\n  # include <e>\n'
        self.assertEqual(tree.includes(text),
                         [tree.Include(2, "c/d.h", True), tree.Include(3, "e", False)])


if __name__ == "__main__":
    unittest.main()
