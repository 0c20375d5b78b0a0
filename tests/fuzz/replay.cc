// Runs a fuzz target without libFuzzer: over every file of a corpus folder, and over every prefix
// and a few one-byte changes of each. The target aborts on a finding.

#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace {

void Run(const std::string& input) {
  LLVMFuzzerTestOneInput(reinterpret_cast<const uint8_t*>(input.data()), input.size());
}

void RunVariations(const std::string& input) {
  // Large inputs are sampled, so that the whole corpus stays a matter of seconds.
  const size_t step = 1 + input.size() / 512;
  for (size_t size = 0; size < input.size(); size += step) Run(input.substr(0, size));
  for (size_t at = 0; at < input.size(); at += step) {
    for (const char change : {'\x01', '\x80', '\xff'}) {
      std::string changed = input;
      changed[at] = static_cast<char>(changed[at] ^ change);
      Run(changed);
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: %s CORPUS_FOLDER\n", argv[0]);
    return 2;
  }
  size_t files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(argv[1])) {
    std::ifstream file(entry.path(), std::ios::binary);
    const std::string input{std::istreambuf_iterator<char>(file), {}};
    Run(input);
    RunVariations(input);
    ++files;
  }
  if (files == 0) {
    std::fprintf(stderr, "%s: no corpus files\n", argv[1]);
    return 1;
  }
  std::printf("%zu corpus files replayed\n", files);
  return 0;
}
