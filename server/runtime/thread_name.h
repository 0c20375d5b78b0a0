// Names for threads, as top and gdb show them.
#pragma once

#include <pthread.h>

namespace kvd::runtime {

// Of the calling thread. REQUIRES: at most 15 characters.
inline void NameThread(const char* name) {
  (void)pthread_setname_np(pthread_self(), name);
}

}  // namespace kvd::runtime
