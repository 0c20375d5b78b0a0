#include "tests/support/binaries.h"

#include <cstdlib>

namespace kvd::testing {
namespace {

std::string Binary(const char* variable, const char* built) {
  const char* chosen = std::getenv(variable);
  return chosen != nullptr ? chosen : built;
}

}  // namespace

std::string KvdBinary() {
  return Binary("KVD_BIN", KVD_BUILT_KVD);
}

std::string KvctlBinary() {
  return Binary("KVCTL_BIN", KVD_BUILT_KVCTL);
}

std::string ExampleBinary() {
  return Binary("KVD_EXAMPLE_BIN", KVD_BUILT_EXAMPLE);
}

}  // namespace kvd::testing
