// The line on standard error that says how far something is: drawn again and again on a terminal,
// elsewhere now and then one below the other. Nothing is said with --quiet, nor to programs.
//
// Threading: confined to the main thread.
#pragma once

#include <string>

#include "client/kvctl/session.h"

namespace kvd::kvctl {

class LiveLine {
 public:
  explicit LiveLine(Session& session) : session_(session) {}

  // `drawn` for terminals; `line` for elsewhere, if it is `due`.
  void Show(const std::string& drawn, const std::string& line, bool due);

  // What is written next begins a line.
  void Finish();

  // As Finish(), and the drawn line is gone.
  void Erase();

 private:
  Session& session_;
  bool is_drawn_ = false;
};

}  // namespace kvd::kvctl
