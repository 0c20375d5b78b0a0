#include "common/names.h"

#include <algorithm>

namespace kvd {

bool IsNodeName(std::string_view text) {
  if (text.empty() || text.size() > 63 || text.front() == '-') return false;
  return std::ranges::all_of(
      text, [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'; });
}

}  // namespace kvd
