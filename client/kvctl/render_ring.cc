#include "client/kvctl/render_ring.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <nlohmann/json.hpp>
#include <vector>

#include "client/kvctl/encoding.h"
#include "client/kvctl/layout.h"
#include "client/kvctl/render_entry.h"
#include "client/kvctl/render_status.h"
#include "common/bytes.h"
#include "common/hash.h"

namespace kvd::kvctl {
namespace {

using client::Group;
using client::NodeState;
using client::Ring;
using client::RingNode;
using client::RingPartition;
using nlohmann::ordered_json;

// Where the legend wraps; a fixed width, so that output does not depend on the window.
constexpr size_t kLegendColumns = 120;

// Groups that are shown one by one, beside the picture.
constexpr size_t kMovingShown = 8;

struct Share {
  size_t owned = 0;
  size_t replicas = 0;
};

std::vector<Share> SharesOf(const Ring& ring) {
  std::vector<Share> shares(ring.nodes.size());
  for (const RingPartition& partition : ring.partitions) {
    ++shares[partition.owner].owned;
    for (const uint32_t replica : partition.replicas) ++shares[replica].replicas;
  }
  return shares;
}

std::string StateOf(const RingNode& node) {
  std::string state(client::StateName(node.state));
  if (node.state != NodeState::kUp && node.silent > Duration::zero()) {
    (state += ' ').append(FormatAge(node.silent));
  }
  return state;
}

std::string Strip(const Ring& ring, bool colour) {
  const size_t letters = NodeLetters(0, ring.nodes.size()).size();
  const size_t per_line = letters == 1 ? 64 : 32 / (letters - 1);
  const size_t label = std::max<size_t>(3, std::to_string(ring.partitions.size() - 1).size());
  std::string out;
  for (size_t p = 0; p < ring.partitions.size(); ++p) {
    if (p % per_line == 0) out += fmt::format("{}{:>{}} ", p == 0 ? "" : "\n", p, label);
    if (letters > 1 && p % per_line != 0) out += ' ';
    const uint32_t owner = ring.partitions[p].owner;
    const bool down = ring.partitions[p].leaderless || ring.nodes[owner].state == NodeState::kDown;
    std::string who = NodeLetters(owner, ring.nodes.size());
    if (ring.partitions[p].leaderless) who.assign(who.size(), '-');
    out += Paint(who, down ? Tint::kRed : Tint::kNone, colour);
  }
  return out + "\n";
}

std::string Balance(const std::vector<Share>& shares, size_t partitions) {
  const auto fullest = std::ranges::max_element(shares, {}, &Share::owned);
  const double mean = static_cast<double>(partitions) / static_cast<double>(shares.size());
  return fmt::format("fullest/mean {:.2f}", static_cast<double>(fullest->owned) / mean);
}

std::string Legend(const Ring& ring, bool colour) {
  const std::vector<Share> shares = SharesOf(ring);
  std::string out;
  size_t column = 0;
  const auto add = [&](const std::string& text, Tint tint) {
    const size_t width = DisplayWidth(text);
    if (column > 0 && column + 4 + width > kLegendColumns) {
      out += "\n";
      column = 0;
    }
    if (column > 0) out += "    ";
    out += Paint(text, tint, colour);
    column += width + (column > 0 ? 4 : 0);
  };
  for (size_t i = 0; i < ring.nodes.size(); ++i) {
    const RingNode& node = ring.nodes[i];
    std::string text = fmt::format("{} {}  {} owned {}", NodeLetters(i, ring.nodes.size()),
                                   Visible(node.name), shares[i].owned, shares[i].replicas);
    if (i == 0) text += shares[i].replicas == 1 ? " replica" : " replicas";
    if (node.state != NodeState::kUp) text += fmt::format(" ({})", StateOf(node));
    add(text, TintOf(node.state) == Tint::kGreen ? Tint::kNone : TintOf(node.state));
  }
  add(Balance(shares, ring.partitions.size()), Tint::kNone);
  return out + "\n";
}

// The owner, then the other replicas in ring order.
std::vector<uint32_t> HoldersOf(const RingPartition& partition) {
  std::vector<uint32_t> holders{partition.owner};
  for (const uint32_t replica : partition.replicas) {
    if (replica != partition.owner) holders.push_back(replica);
  }
  return holders;
}

std::vector<std::string> NamesOf(const Ring& ring, const std::vector<uint32_t>& positions) {
  std::vector<std::string> names;
  for (const uint32_t position : positions) names.push_back(Visible(ring.nodes[position].name));
  return names;
}

ordered_json CopyObject(const Group::Copy& copy) {
  constexpr std::array kRoles = {"voter", "learner", "missing", "unknown"};
  ordered_json object;
  object["node"] = Visible(copy.node);
  object["role"] = kRoles[static_cast<size_t>(copy.role)];
  object["wished"] = copy.wished;
  object["active"] = copy.active;
  object["behind"] = copy.behind;
  return object;
}

template <typename Fits>
std::vector<std::string> CopiesWhere(const Group& group, const Fits& fits) {
  std::vector<std::string> names;
  for (const Group::Copy& copy : group.copies) {
    if (fits(copy)) names.push_back(Visible(copy.node));
  }
  return names;
}

std::vector<std::string> VotersOf(const Group& group) {
  return CopiesWhere(group,
                     [](const Group::Copy& copy) { return copy.role == Group::Role::kVoter; });
}

std::vector<std::string> LearnersOf(const Group& group) {
  return CopiesWhere(group,
                     [](const Group::Copy& copy) { return copy.role == Group::Role::kLearner; });
}

// "  12  n1 n2 n3 -> n1 n2 n4   n4 is silent", "   7  no owner -> ..."
std::string MovingLine(const Group& group) {
  const std::vector<std::string> wished =
      CopiesWhere(group, [](const Group::Copy& copy) { return copy.wished; });
  std::string line = fmt::format(
      "{:>5}  {} -> {}", group.partition.value,
      group.owner.empty() ? "no owner reports" : fmt::format("{}", fmt::join(VotersOf(group), " ")),
      fmt::join(wished, " "));
  if (!group.reason.empty()) line += "   " + Visible(group.reason);
  return line + "\n";
}

std::string MovingLines(const std::vector<Group>& moving, size_t partitions) {
  if (moving.empty()) return "";
  std::string out =
      fmt::format("{} of {} not as wished yet:\n", moving.size(), Plural(partitions, "partition"));
  for (size_t i = 0; i < std::min(moving.size(), kMovingShown); ++i) out += MovingLine(moving[i]);
  if (moving.size() > kMovingShown) {
    out += fmt::format("       and {} more: kvctl ring -o json\n", moving.size() - kMovingShown);
  }
  return out;
}

// What a copy is, and how far: nullptr if its owner has not told.
std::string RoleOf(const Group::Copy* copy) {
  if (copy == nullptr || copy->role == Group::Role::kVoter) {
    return copy != nullptr && !copy->wished ? "leaving" : "replica";
  }
  if (copy->role == Group::Role::kLearner) return "learner";
  return copy->role == Group::Role::kMissing ? "missing" : "replica";
}

std::string LagOf(const Group::Copy* copy) {
  if (copy == nullptr || copy->behind == 0 || copy->role == Group::Role::kMissing) return "";
  return fmt::format("  {} {} behind", copy->behind, copy->behind == 1 ? "entry" : "entries");
}

const Group::Copy* CopyOn(const std::optional<Group>& group, const std::string& node) {
  if (!group || group->owner.empty()) return nullptr;
  const auto it = std::ranges::find(group->copies, node, &Group::Copy::node);
  return it != group->copies.end() ? &*it : nullptr;
}

// Those whom the ring does not name any more, and who are still there.
std::vector<uint32_t> Leaving(const Ring& ring, const std::optional<Group>& group,
                              const std::vector<uint32_t>& holders) {
  std::vector<uint32_t> leaving;
  for (uint32_t i = 0; i < ring.nodes.size(); ++i) {
    if (std::ranges::find(holders, i) != holders.end()) continue;
    if (CopyOn(group, ring.nodes[i].name) != nullptr) leaving.push_back(i);
  }
  return leaving;
}

ordered_json PartitionObject(const Ring& ring, uint32_t number) {
  const RingPartition& partition = ring.partitions[number];
  ordered_json object;
  object["partition"] = number;
  object["owner"] = partition.leaderless ? "" : Visible(ring.nodes[partition.owner].name);
  object["term"] = partition.term;
  object["replicas"] = NamesOf(ring, partition.replicas);
  object["epoch"] = ring.epoch.value;
  return object;
}

}  // namespace

std::string NodeLetters(size_t position, size_t nodes) {
  if (nodes <= 52) {
    return std::string(1, static_cast<char>(position < 26 ? 'A' + position : 'a' + position - 26));
  }
  size_t width = 2;
  for (size_t names = 26UL * 26; names < nodes; names *= 26) ++width;
  std::string letters(width, 'A');
  for (size_t i = width; i-- > 0; position /= 26) {
    letters[i] = static_cast<char>('A' + position % 26);
  }
  return letters;
}

std::string RingPicture(const Ring& ring, bool colour, const std::vector<Group>& moving) {
  std::string out =
      fmt::format("cluster {}   epoch {}   {}   {}   {} each\n", Visible(ring.cluster),
                  ring.epoch.value, Plural(ring.partitions.size(), "partition"),
                  Plural(ring.nodes.size(), "node"), Plural(ring.replication, "replica"));
  return out + Strip(ring, colour) + Legend(ring, colour) +
         MovingLines(moving, ring.partitions.size());
}

std::string RingTable(const Ring& ring, bool colour) {
  Table table;
  table.AddColumn("PARTITION", Table::Align::kRight);
  table.AddColumn("OWNER");
  table.AddColumn("STATE");
  table.AddColumn("TERM", Table::Align::kRight);
  table.AddColumn("REPLICAS");
  for (size_t i = 0; i < ring.partitions.size(); ++i) {
    const RingPartition& partition = ring.partitions[i];
    const RingNode& owner = ring.nodes[partition.owner];
    table.AddRow({{std::to_string(i)},
                  {partition.leaderless ? "" : owner.name},
                  {partition.leaderless ? "no owner" : StateOf(owner),
                   partition.leaderless ? Tint::kRed : TintOf(owner.state)},
                  {partition.term == 0 ? "" : std::to_string(partition.term)},
                  {fmt::format("{}", fmt::join(NamesOf(ring, partition.replicas), " "))}});
  }
  return table.Render(colour);
}

std::string RingJson(const Ring& ring, const std::vector<Group>& moving) {
  std::string out;
  for (uint32_t i = 0; i < ring.partitions.size(); ++i) {
    ordered_json object = PartitionObject(ring, i);
    const auto group = std::ranges::find(moving, PartitionId{i}, &Group::partition);
    if (group != moving.end()) {
      object["actual"] = VotersOf(*group);
      object["learners"] = LearnersOf(*group);
      object["reason"] = Visible(group->reason);
    }
    out += object.dump() + "\n";
  }
  return out;
}

std::string KeyPlace(const Ring& ring, std::string_view key, bool colour,
                     const std::optional<Group>& group) {
  const uint32_t number = PartitionOf(key, static_cast<uint32_t>(ring.partitions.size())).value;
  const bool plain = IsUtf8(key) && Visible(key) == key;
  std::string out = fmt::format("key {}   hash 0x{:016x}   partition {}\n",
                                plain ? std::string(key) : Quoted(key), Hash64(key), number);
  const RingPartition& partition = ring.partitions[number];
  std::vector<uint32_t> holders = HoldersOf(partition);
  std::ranges::copy(Leaving(ring, group, holders), std::back_inserter(holders));
  size_t name_width = 0;
  size_t address_width = 0;
  for (const uint32_t holder : holders) {
    name_width = std::max(name_width, ring.nodes[holder].name.size());
    address_width = std::max(address_width, ring.nodes[holder].address.size());
  }
  for (const uint32_t holder : holders) {
    const RingNode& node = ring.nodes[holder];
    const Group::Copy* copy = CopyOn(group, node.name);
    const bool owns = holder == partition.owner && !partition.leaderless;
    out += fmt::format("  {:<{}}  {:<{}}  {:<7}  {}{}\n", Visible(node.name), name_width,
                       Visible(node.address), address_width, owns ? "owner" : RoleOf(copy),
                       Paint(StateOf(node), TintOf(node.state), colour), LagOf(copy));
  }
  if (group && !group->reason.empty()) out += fmt::format("  {}\n", Visible(group->reason));
  return out;
}

std::string KeyPlaceJson(const Ring& ring, std::string_view key,
                         const std::optional<Group>& group) {
  const uint32_t number = PartitionOf(key, static_cast<uint32_t>(ring.partitions.size())).value;
  const RingNode& owner = ring.nodes[ring.partitions[number].owner];
  const bool text = IsUtf8(key);
  ordered_json object;
  object["key"] = text ? std::string(key) : ToBase64(key);
  object["encoding"] = text ? "utf-8" : "base64";
  object["hash"] = fmt::format("0x{:016x}", Hash64(key));
  object.update(PartitionObject(ring, number));
  object["owner_address"] = Visible(owner.address);
  object["owner_state"] = client::StateName(owner.state);
  if (group) {
    object["copies"] = ordered_json::array();
    for (const Group::Copy& copy : group->copies) object["copies"].push_back(CopyObject(copy));
    object["bytes"] = group->bytes;
    object["keys"] = group->keys;
    object["reason"] = Visible(group->reason);
  }
  return object.dump() + "\n";
}

}  // namespace kvd::kvctl
