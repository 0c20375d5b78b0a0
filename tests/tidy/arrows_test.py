"""A small house of rooms; each test draws one arrow in it and expects it refused or allowed."""

import unittest

import arrows

ROOMS = arrows.parse_rooms("""\
common: absl::status | fmt::fmt
config: kvd::common | yaml-cpp
server/ring: kvd::common |
server/storage: kvd::common |
server/storage/rocks: kvd::common kvd::storage | RocksDB::rocksdb-shared
server/raft: kvd::common | kvd::storage
server/node: kvd::common kvd::raft |
server/rpc: kvd::common kvd::node |
client: kvd::common | kvd::config
client/load: kvd::common kvd::client |
client/kvctl: kvd::common kvd::client kvd::load |
""")


def breaches(path, *includes):
    text = "".join(f'#include "{i}"\n' for i in includes)
    return [f.message for f in arrows.check({path: text}, ROOMS)]


class ArrowsTest(unittest.TestCase):
    def test_the_house_itself_is_sound(self):
        self.assertEqual(arrows.check({}, ROOMS), [])

    def test_listed_rooms_own_room_and_libraries_may_be_included(self):
        self.assertEqual(breaches("server/raft/raft.h", "common/types.h", "server/raft/log.h",
                                  "absl/status/status.h", "kvd/v1/kv.pb.h"), [])

    def test_a_room_not_listed_is_refused(self):
        self.assertIn("neither under DEPS nor under PRIVATE",
                      breaches("server/raft/raft.cc", "server/ring/ring.h")[0])

    def test_a_private_room_is_for_sources_only(self):
        self.assertEqual(breaches("server/raft/raft.cc", "server/storage/log.h"), [])
        self.assertIn("only sources", breaches("server/raft/raft.h", "server/storage/log.h")[0])

    def test_angle_brackets_do_not_hide_an_arrow(self):
        found = arrows.check({"server/ring/ring.h": "#include <server/raft/raft.h>\n"}, ROOMS)
        self.assertEqual(len(found), 1)

    def test_upward_and_sideways_arrows_are_refused_even_if_listed(self):
        for target in ("server/node", "server/storage"):
            ring = arrows.Room(frozenset({"common", target}), frozenset())
            found = arrows.check({}, {**ROOMS, "server/ring": ring})
            self.assertEqual([f.path for f in found], ["server/ring/CMakeLists.txt"], target)

    def test_a_room_within_a_room_may_use_the_one_around_it_but_not_the_reverse(self):
        self.assertEqual(breaches("server/storage/rocks/rocks_store.h", "server/storage/log.h"), [])
        self.assertEqual(len(breaches("server/storage/log.h", "server/storage/rocks/rocks_store.h")), 1)

    def test_the_client_never_sees_the_server(self):
        self.assertIn("client sees only", breaches("client/client.cc", "server/ring/ring.h")[0])
        self.assertEqual(breaches("client/kvctl/put.cc", "client/client.h", "common/types.h"), [])
        self.assertEqual(len(breaches("client/client.h", "client/kvctl/put.h")), 1)

    def test_kvctl_uses_the_load_but_neither_the_library_nor_the_load_uses_what_is_above_it(self):
        self.assertEqual(breaches("client/kvctl/bench.cc", "client/load/run.h"), [])
        self.assertEqual(breaches("client/load/run.cc", "client/client.h"), [])
        self.assertEqual(len(breaches("client/client.cc", "client/load/run.h")), 1)
        self.assertEqual(len(breaches("client/load/run.cc", "client/kvctl/bench.h")), 1)

    def test_bare_names_tests_and_homeless_files_are_refused(self):
        self.assertIn("bare name", breaches("server/ring/ring.cc", "ring.h")[0])
        self.assertIn("a test's header", breaches("server/ring/ring.cc", "tests/support/x.h")[0])
        self.assertIn("belongs to no room", breaches("server/attic/x.cc")[0])

    def test_a_room_without_a_layer_is_refused(self):
        rooms = {**ROOMS, "server/attic": arrows.Room(frozenset({"common"}), frozenset())}
        self.assertIn("has no layer", arrows.check({}, rooms)[0].message)

    def test_two_rooms_of_one_name_are_refused(self):
        with self.assertRaises(ValueError):
            arrows.parse_rooms("server/ring: |\nclient/ring: |\n")


if __name__ == "__main__":
    unittest.main()
