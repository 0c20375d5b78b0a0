#include "client/kvctl/render_ring.h"

#include <fmt/format.h>

#include <algorithm>
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

using client::NodeState;
using client::Ring;
using client::RingNode;
using client::RingPartition;
using nlohmann::ordered_json;

// Where the legend wraps; a fixed width, so that output does not depend on the window.
constexpr size_t kLegendColumns = 120;

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

std::string RingPicture(const Ring& ring, bool colour) {
  std::string out =
      fmt::format("cluster {}   epoch {}   {}   {}   {} each\n", Visible(ring.cluster),
                  ring.epoch.value, Plural(ring.partitions.size(), "partition"),
                  Plural(ring.nodes.size(), "node"), Plural(ring.replication, "replica"));
  return out + Strip(ring, colour) + Legend(ring, colour);
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

std::string RingJson(const Ring& ring) {
  std::string out;
  for (uint32_t i = 0; i < ring.partitions.size(); ++i) {
    out += PartitionObject(ring, i).dump() + "\n";
  }
  return out;
}

std::string KeyPlace(const Ring& ring, std::string_view key, bool colour) {
  const uint32_t number = PartitionOf(key, static_cast<uint32_t>(ring.partitions.size())).value;
  const bool plain = IsUtf8(key) && Visible(key) == key;
  std::string out = fmt::format("key {}   hash 0x{:016x}   partition {}\n",
                                plain ? std::string(key) : Quoted(key), Hash64(key), number);
  const RingPartition& partition = ring.partitions[number];
  const std::vector<uint32_t> holders = HoldersOf(partition);
  size_t name_width = 0;
  size_t address_width = 0;
  for (const uint32_t holder : holders) {
    name_width = std::max(name_width, ring.nodes[holder].name.size());
    address_width = std::max(address_width, ring.nodes[holder].address.size());
  }
  for (const uint32_t holder : holders) {
    const RingNode& node = ring.nodes[holder];
    out += fmt::format("  {:<{}}  {:<{}}  {:<7}  {}\n", Visible(node.name), name_width,
                       Visible(node.address), address_width,
                       holder == partition.owner && !partition.leaderless ? "owner" : "replica",
                       Paint(StateOf(node), TintOf(node.state), colour));
  }
  return out;
}

std::string KeyPlaceJson(const Ring& ring, std::string_view key) {
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
  return object.dump() + "\n";
}

}  // namespace kvd::kvctl
