// What a change of the cluster would do, for the person who is about to ask for it.
//
// Pure. Threading: values.
#pragma once

#include <string>
#include <string_view>

#include "client/change.h"

namespace kvd::kvctl {

// A few lines: the change, what moves, what each node holds afterwards, how long it takes, and
// which single failures cost data or a majority, if any do. `cluster` may be empty: not known.
[[nodiscard]] std::string RenderPlan(const client::Change& change, const client::Plan& plan,
                                     std::string_view cluster);

// One object.
[[nodiscard]] std::string PlanJson(const client::Change& change, const client::Plan& plan);

}  // namespace kvd::kvctl
