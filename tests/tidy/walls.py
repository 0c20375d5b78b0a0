"""The walls: which libraries and which facts of the machine stay in which rooms.

A wall is a pattern and the rooms it is for. The pattern is matched against code only: comments and
string literals may speak of anything.
"""

import re
from typing import NamedTuple

from arrows import room_of
from tree import Finding, code_only, includes, line_of

PURE = ("server/ring", "server/raft", "server/heartbeat", "server/partition", "server/topology",
        "server/node")
LIVES_IN_TIME = ("server/runtime", "server/rpc", "server/observability", "server/daemon", "client")
EVERYWHERE = ("common", "config", "server", "client")


class Wall(NamedTuple):
    what: str
    includes: str | None          # A pattern the whole of an include's target matches.
    code: str | None              # A pattern found anywhere in the code.
    only_in: tuple[str, ...] = ()      # Rooms on the inside,
    not_in: tuple[str, ...] = EVERYWHERE  # of the folders the wall is about.

    def keeps_out(self, path: str) -> bool:
        return room_of(path, self.not_in) is not None and room_of(path, self.only_in) is None


WALLS = (
    Wall("gRPC and protobuf", r"(grpc|grpcpp|google/protobuf)/.*|.*\.pb\.h",
         r"\b(grpc|google::protobuf)::", only_in=("server/rpc", "client")),
    Wall("RocksDB", r"rocksdb/.*", r"\brocksdb::", only_in=("server/storage/rocks",)),
    Wall("yaml-cpp", r"yaml-cpp/.*", r"\bYAML::", only_in=("config",)),
    Wall("Prometheus", r"prometheus/.*", r"\bprometheus::", only_in=("server/observability",)),
    Wall("spdlog", r"spdlog/.*", r"\bspdlog::", only_in=("server/observability",)),
    Wall("a clock", r"sys/time\.h|absl/time/clock\.h",
         r"\b(system|steady|high_resolution|utc|tai|gps|file)_clock\b"
         r"|\b(clock_gettime|gettimeofday|timespec_get|absl::Now|GetCurrentTimeNanos)\b"
         r"|(?:\bstd::|(?<![\w.:>])|(?<!\w)::)time\s*\(\s*(?:nullptr|NULL|0|&)"
         r"|\b(sleep_for|sleep_until|usleep|nanosleep|SleepFor)\b",
         only_in=LIVES_IN_TIME),
    Wall("a thread", r"thread|future|stop_token|pthread\.h",
         r"\bstd::(jthread|thread|async|future|promise|packaged_task|this_thread)\b"
         r"|\bthread_local\b|\bpthread_\w+",
         only_in=LIVES_IN_TIME + ("server/storage/segments",)),
    Wall("a lock or an atomic",
         r"mutex|shared_mutex|condition_variable|atomic|semaphore|latch|barrier"
         r"|absl/synchronization/.*",
         r"\bstd::(recursive_|shared_|timed_)*mutex\b|\bstd::(atomic\w*|condition_variable\w*"
         r"|lock_guard|unique_lock|scoped_lock|shared_lock|call_once|once_flag|latch|barrier)\b"
         r"|\babsl::\w*Mutex\w*",
         only_in=LIVES_IN_TIME + ("server/storage",)),
    Wall("an unordered container", r"unordered_map|unordered_set|absl/container/(flat|node)_hash.*",
         r"\bunordered_(multi)?(map|set)\b|\babsl::(flat|node)_hash_(map|set)\b", not_in=PURE),
    Wall("a hash that differs between processes", r"absl/hash/.*", r"\b(std::hash|absl::Hash)\b",
         not_in=PURE),
    Wall("floating point", None, r"\b(float|double)\b", not_in=PURE),
    Wall("chance that is not handed in", r"random|absl/random/.*",
         r"\bstd::(mt19937\w*|random_device|default_random_engine)\b|(?<![\w.:>])s?rand\s*\(",
         not_in=PURE),
    Wall("input or output", r"iostream|fstream|filesystem|cstdio|stdio\.h|unistd\.h|fcntl\.h|sys/.*",
         r"\bstd::(cout|cerr|clog|cin|ifstream|ofstream|fstream|filesystem)\b", not_in=PURE),
)


def check(sources: dict[str, str]) -> list[Finding]:
    findings = []
    for path, text in sources.items():
        code = code_only(text)
        listed = includes(text)
        for wall in (w for w in WALLS if w.keeps_out(path)):
            findings += _breaches(wall, path, code, listed)
    return sorted(findings)


def _breaches(wall: Wall, path: str, code: str, listed) -> list[Finding]:
    where = "not in a pure room" if wall.not_in == PURE else "only in " + ", ".join(wall.only_in)
    found = {}
    for include in listed:
        if wall.includes and re.fullmatch(wall.includes, include.target):
            found.setdefault(include.line, f"<{include.target}>")
    for match in re.finditer(wall.code, code) if wall.code else ():
        found.setdefault(line_of(code, match.start()), match[0].strip())
    return [Finding(path, line, f"{seen}: {wall.what}, {where}") for line, seen in found.items()]
