#include "config/which_node.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "config/suggest.h"

namespace kvd::config {
namespace {

std::vector<std::string> Names(const ClusterFile& file) {
  std::vector<std::string> names;
  for (const NodeEntry& node : file.nodes) names.push_back(node.name);
  return names;
}

// "n1, n2, n3"; a long list is cut.
std::string Listed(const std::vector<std::string>& names) {
  constexpr size_t kMaxNamed = 10;
  if (names.size() <= kMaxNamed) return fmt::format("{}", fmt::join(names, ", "));
  return fmt::format("{} and {} more", fmt::join(names.begin(), names.begin() + kMaxNamed, ", "),
                     names.size() - kMaxNamed);
}

template <typename Predicate>
std::vector<size_t> Matching(const ClusterFile& file, Predicate matches) {
  std::vector<size_t> out;
  for (size_t i = 0; i < file.nodes.size(); ++i) {
    if (matches(file.nodes[i])) out.push_back(i);
  }
  return out;
}

StatusOr<size_t> Named(const ClusterFile& file, std::string_view file_name, std::string_view source,
                       const std::string& name) {
  const auto found = Matching(file, [&](const NodeEntry& node) { return node.name == name; });
  if (!found.empty()) return found.front();
  const std::vector<std::string> names = Names(file);
  return MakeStatus(StatusCode::kNotFound,
                    fmt::format("{} {} is none of {} in {}{}", source, InQuotes(name),
                                Listed(names), file_name, DidYouMean(name, names)));
}

}  // namespace

StatusOr<size_t> WhichNode(const ClusterFile& file, std::string_view file_name,
                           const Whereabouts& here) {
  if (here.node_flag) return Named(file, file_name, "--node", *here.node_flag);
  if (here.node_environment && !here.node_environment->empty()) {
    return Named(file, file_name, "KVD_NODE", *here.node_environment);
  }
  if (file.nodes.size() == 1) return size_t{0};

  const std::string short_name = CanonicalHost(here.short_host_name);
  const std::string full_name = CanonicalHost(here.full_host_name);
  const auto by_name = Matching(file, [&](const NodeEntry& node) {
    return node.name == short_name || node.name == full_name;
  });
  if (by_name.size() == 1) return by_name.front();

  std::vector<std::string> addresses;
  for (const std::string& each : here.local_addresses) addresses.push_back(CanonicalHost(each));
  const auto by_address = Matching(file, [&](const NodeEntry& node) {
    return std::find(addresses.begin(), addresses.end(), node.address.host) != addresses.end();
  });
  if (by_address.size() == 1) return by_address.front();

  if (by_address.empty()) {
    return MakeStatus(StatusCode::kNotFound,
                      fmt::format("which node is this? no --node, and host {} is none of {} in {}",
                                  InQuotes(here.short_host_name), Listed(Names(file)), file_name));
  }
  std::vector<std::string> local;
  local.reserve(by_address.size());
  for (const size_t each : by_address) local.push_back(file.nodes[each].name);
  return MakeStatus(
      StatusCode::kNotFound,
      fmt::format("which node is this? no --node, and {} in {} all have an address of host {}",
                  Listed(local), file_name, InQuotes(here.short_host_name)));
}

}  // namespace kvd::config
