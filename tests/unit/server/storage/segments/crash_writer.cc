// Appends entries to a log, one per batch, and says so after each: whoever started it kills it in
// the middle and checks that what was said is there. Usage: storage_crash_writer FOLDER

#include <unistd.h>

#include <cstdio>
#include <string>
#include <vector>

#include "server/storage/segments/segment_log.h"

namespace {

using namespace kvd;
using namespace kvd::storage;

int Run(const std::string& path) {
  auto opened = OpenSegmentLog(path, {.segment_bytes = uint64_t{16} << 10U});
  if (!opened.ok()) {
    std::fprintf(stderr, "%s\n", Message(opened.status()).c_str());
    return 1;
  }
  constexpr size_t kPayloadBytes = 3000;  // Five to a segment.
  for (Index index = 1;; ++index) {
    const std::vector<GroupWrite> writes = {
        {.group = GroupId{1},
         .hard_state = HardState{.term = index, .voted_for = ReplicaId{1}},
         .entries = {{.index = index, .term = index, .payload = std::string(kPayloadBytes, 'p')}}}};
    if (!opened->log->Append(writes).ok()) return 1;
    const char said = '.';
    if (write(STDOUT_FILENO, &said, 1) != 1) return 1;
  }
}

}  // namespace

int main(int argc, char** argv) {
  return argc == 2 ? Run(argv[1]) : 2;
}
