// Checks against our own mistakes. They are always on: a broken invariant stops the process with
// the values on stderr (exit 134) rather than spreading to the disk or to other nodes. For what the
// *world* may do wrong, see status.h.
#pragma once

#include <sstream>
#include <string>

namespace kvd::internal {

[[noreturn]] void CheckFailed(const char* file, int line, const std::string& what);

template <typename A, typename B>
std::string Compared(const char* expression, const A& a, const B& b) {
  std::ostringstream out;
  out << expression << " (" << a << " against " << b << ")";
  return out.str();
}

}  // namespace kvd::internal

// KVD_CHECK(condition, "what must hold") aborts unless `condition`.
#define KVD_CHECK(condition, what)                                                             \
  do {                                                                                         \
    if (!(condition)) [[unlikely]]                                                             \
      ::kvd::internal::CheckFailed(__FILE__, __LINE__, std::string(#condition ": ") + (what)); \
  } while (false)

// KVD_CHECK_OP(==, a, b) aborts unless `a == b`, printing both.
#define KVD_CHECK_OP(op, a, b)                                                                  \
  do {                                                                                          \
    const auto& kvd_a = (a);                                                                    \
    const auto& kvd_b = (b);                                                                    \
    if (!(kvd_a op kvd_b)) [[unlikely]]                                                         \
      ::kvd::internal::CheckFailed(__FILE__, __LINE__,                                          \
                                   ::kvd::internal::Compared(#a " " #op " " #b, kvd_a, kvd_b)); \
  } while (false)
