// Where the programs under test are: the ones of this build, unless the environment variables
// KVD_BIN, KVCTL_BIN and KVD_EXAMPLE_BIN name others.
#pragma once

#include <string>

namespace kvd::testing {

[[nodiscard]] std::string KvdBinary();
[[nodiscard]] std::string KvctlBinary();
[[nodiscard]] std::string ExampleBinary();

}  // namespace kvd::testing
