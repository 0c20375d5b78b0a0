// Any bytes as a cluster file: parsing and rendering never crash, a refusal says why, and what is
// accepted can be printed and read back with the same meaning.

#include <cstdint>
#include <string>
#include <string_view>

#include "common/check.h"
#include "config/diagnostic.h"
#include "config/parse.h"
#include "config/print.h"

namespace {

using kvd::config::ClusterFile;
using kvd::config::NodeSettings;
using kvd::config::Parse;

void CheckRoundTrip(const ClusterFile& file) {
  const NodeSettings settings = kvd::config::Resolve(file, file.nodes.size() - 1);
  const kvd::Status status = kvd::config::CheckOverridden(file, settings);
  KVD_CHECK(status.ok(), kvd::Message(status));

  const std::string printed = kvd::config::PrintEffective(file, settings);
  const auto again = Parse(printed);
  KVD_CHECK(again.file.has_value(), Render(again.diagnostics, printed, "printed"));
  const NodeSettings same = kvd::config::Resolve(*again.file, file.nodes.size() - 1);
  KVD_CHECK(same == settings, printed);
  KVD_CHECK(kvd::config::PrintEffective(*again.file, same) == printed, printed);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto result = Parse(text);
  const std::string rendered = Render(result.diagnostics, text, "cluster.yaml");
  KVD_CHECK(result.file.has_value() == !HasErrors(result.diagnostics), rendered);
  KVD_CHECK(rendered.empty() == result.diagnostics.empty(), rendered);
  if (result.file) CheckRoundTrip(*result.file);
  return 0;
}
