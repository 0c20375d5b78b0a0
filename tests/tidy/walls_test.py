"""One line of code per wall, put on either side of it."""

import unittest

import walls

# what, code, a place where it is refused, a place where it is allowed
CASES = (
    ("grpc", "#include <grpcpp/grpcpp.h>", "server/node/node.h", "server/rpc/service.h"),
    ("grpc in the daemon", "grpc::Server* s;", "server/daemon/main.cc", "client/client.cc"),
    ("messages", '#include "kvd/v1/kv.pb.h"', "server/node/node.h", "server/rpc/service.h"),
    ("protobuf", "google::protobuf::Message* m;", "config/parse.cc", "client/kvctl/put.cc"),
    ("rocksdb", "#include <rocksdb/db.h>", "server/storage/log.h", "server/storage/rocks/log.h"),
    ("rocksdb's names", "rocksdb::DB* db;", "server/daemon/main.cc", "server/storage/rocks/log.h"),
    ("yaml", "#include <yaml-cpp/yaml.h>", "server/daemon/main.cc", "config/parse.cc"),
    ("prometheus", "prometheus::MetricFamily f;", "server/rpc/m.cc", "server/observability/m.h"),
    ("spdlog", "spdlog::info(x);", "server/rpc/peer.cc", "server/observability/log.cc"),
    ("a clock", "auto t = std::chrono::steady_clock::now();", "server/raft/raft.cc",
     "server/runtime/clock.cc"),
    ("time()", "seed = time(nullptr);", "common/random.cc", "server/daemon/main.cc"),
    ("sleep", "usleep(5);", "server/storage/log.cc", "client/retry.cc"),
    ("a thread", "std::jthread t(run);", "server/storage/log.cc", "server/runtime/shard.cc"),
    ("<thread>", "#include <thread>", "server/node/node.cc", "server/rpc/server.cc"),
    ("a mutex", "absl::Mutex mu_;", "server/ring/ring.h", "server/storage/memory_log.h"),
    ("an atomic", "std::atomic<int> n;", "common/log.cc", "server/observability/metrics.h"),
    ("unordered", "std::unordered_map<int, int> m;", "server/topology/t.h", "server/rpc/peer.h"),
    ("flat_hash", "#include <absl/container/flat_hash_map.h>", "server/raft/r.h", "client/c.h"),
    ("std::hash", "std::hash<int> h;", "server/partition/p.cc", "client/c.cc"),
    ("double", "double d = 0;", "server/heartbeat/d.cc", "server/observability/m.cc"),
    ("chance", "std::mt19937 g;", "server/raft/election.cc", "server/rpc/dial.cc"),
    ("output", "std::cerr << x;", "server/node/node.cc", "client/kvctl/main.cc"),
)


class WallsTest(unittest.TestCase):
    def test_each_wall_stops_what_it_is_for_and_nothing_else(self):
        for what, code, refused, allowed in CASES:
            with self.subTest(what):
                found = walls.check({refused: "// opening\n" + code + "\n"})
                self.assertEqual([(f.path, f.line) for f in found], [(refused, 2)])
                self.assertEqual(walls.check({allowed: code + "\n"}), [])

    def test_every_wall_has_a_case_that_it_alone_stops(self):
        for wall in walls.WALLS:
            stopped = [c for _, c, path, _ in CASES
                       if any(wall.what in f.message for f in walls.check({path: c + "\n"}))]
            self.assertTrue(stopped, wall.what)

    def test_words_in_comments_strings_and_longer_names_are_free(self):
        code = ('// steady_clock, double, std::thread\nauto s = "rocksdb::DB float";\n'
                "int doubled = 0; Instant at = now; node.time(0); Uptime(0); operand(1);\n")
        self.assertEqual(walls.check({"server/raft/raft.cc": code}), [])


if __name__ == "__main__":
    unittest.main()
