#include "client/kvctl/live_line.h"

#include <utility>

namespace kvd::kvctl {

void LiveLine::Show(const std::string& drawn, const std::string& line, bool due) {
  if (session_.json() || session_.settings().quiet) return;
  Console& console = session_.console();
  if (session_.settings().animated) {
    console.WriteErr("\r" + drawn + "\x1b[K");
    is_drawn_ = true;
  } else if (due) {
    console.WriteErr(line + "\n");
  }
}

void LiveLine::Finish() {
  if (std::exchange(is_drawn_, false)) session_.console().WriteErr("\n");
}

void LiveLine::Erase() {
  if (std::exchange(is_drawn_, false)) session_.console().WriteErr("\r\x1b[K");
}

}  // namespace kvd::kvctl
