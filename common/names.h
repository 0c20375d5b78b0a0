// How nodes may be called: what the cluster file takes for a name is one everywhere.
//
// Pure. Threading: values.
#pragma once

#include <string_view>

namespace kvd {

// 1 to 63 of a-z, 0-9 and '-', not beginning with '-': a label of DNS (RFC 1123), in lower case.
[[nodiscard]] bool IsNodeName(std::string_view text);

}  // namespace kvd
