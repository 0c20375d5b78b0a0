// A bare gRPC server that answers kvd's Get with a value, whatever the key: one completion queue,
// one thread, nothing behind it. What kvd's gets could cost at the least.
#pragma once

#include <string>

namespace kvd::bench {

// Never returns.
[[noreturn]] void ServeEcho(const std::string& address);

}  // namespace kvd::bench
