// kvctl's three streams. Results go to standard output, everything else to standard error.
//
// Threading: confined to the main thread.
#pragma once

#include <string>
#include <string_view>

#include "common/status.h"

namespace kvd::kvctl {

class Console {
 public:
  virtual ~Console() = default;

  // All of `bytes`, or an error: a full disk, a reader that went away (kCancelled).
  [[nodiscard]] virtual Status WriteOut(std::string_view bytes) = 0;

  // Best effort: there is nowhere left to complain to.
  virtual void WriteErr(std::string_view text) = 0;

  // Standard input to its end, but no more than `limit` + 1 bytes.
  [[nodiscard]] virtual StatusOr<std::string> ReadIn(size_t limit) = 0;

  // One line of standard input, without its end; at the end of the input what there is of it.
  [[nodiscard]] virtual StatusOr<std::string> ReadLine() = 0;

  [[nodiscard]] virtual bool in_is_terminal() const = 0;
  [[nodiscard]] virtual bool out_is_terminal() const = 0;
  [[nodiscard]] virtual bool err_is_terminal() const = 0;

  // The width of standard error; 80 if it is not known.
  [[nodiscard]] virtual size_t err_columns() const = 0;
};

// File descriptors 0, 1 and 2.
class StandardConsole final : public Console {
 public:
  [[nodiscard]] Status WriteOut(std::string_view bytes) override;
  void WriteErr(std::string_view text) override;
  [[nodiscard]] StatusOr<std::string> ReadIn(size_t limit) override;
  [[nodiscard]] StatusOr<std::string> ReadLine() override;
  [[nodiscard]] bool in_is_terminal() const override;
  [[nodiscard]] bool out_is_terminal() const override;
  [[nodiscard]] bool err_is_terminal() const override;
  [[nodiscard]] size_t err_columns() const override;
};

// What this machine calls itself; empty if it does not.
[[nodiscard]] std::string HostName();

// The file to its end, but no more than `limit` + 1 bytes. Errors name the file.
[[nodiscard]] StatusOr<std::string> ReadFile(const std::string& file, size_t limit);

// Replaces the file's content; on failure the file holds nothing of use. Errors name the file.
[[nodiscard]] Status WriteFile(const std::string& file, std::string_view bytes);

}  // namespace kvd::kvctl
