// Chooses one member for each of several items, from the few that each item allows, so that no
// member is chosen much more often than another. It decides owners (an item is a partition, its
// replicas are the options) and next owners (the partitions of one owner).
//
// The result is an optimal semi-matching (Harvey, Ladner, Lovasz, Tamir, WADS 2003): no chain of
// changed minds could bring a member's load closer to another's, and so the largest load is the
// smallest possible, and the loads are as even as the options permit.
//
// Pure. Threading: values.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "server/ring/roster.h"

namespace kvd::ring {

struct EvenChoice {
  std::vector<std::vector<MemberIndex>> options;   // By item, at least one each.
  std::vector<std::optional<MemberIndex>> chosen;  // By item: what stands, if it can.
  std::vector<uint32_t> load;                      // By member: what it carries in any case.
};

// One option per item. A standing choice is changed only for evenness. Among equal options of an
// item without a choice, the first is taken.
[[nodiscard]] std::vector<MemberIndex> ChooseEvenly(EvenChoice problem);

}  // namespace kvd::ring
