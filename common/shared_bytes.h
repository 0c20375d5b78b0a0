// Bytes that never change and that many may hold: a copy is another reference. For what one thread
// hands to several others, as an entry of the log is.
//
// Pure. Threading: values; copies may be used by different threads.
#pragma once

#include <concepts>
#include <memory>
#include <ostream>
#include <string>
#include <string_view>
#include <utility>

namespace kvd {

class SharedBytes {
 public:
  SharedBytes() = default;

  // Implicit: wherever bytes are expected, a string is one way to write them.
  SharedBytes(std::string bytes) {
    if (!bytes.empty()) bytes_ = std::make_shared<const std::string>(std::move(bytes));
  }
  SharedBytes(const char* bytes) : SharedBytes(std::string(bytes)) {}

  [[nodiscard]] std::string_view view() const { return bytes_ ? *bytes_ : std::string_view(); }
  operator std::string_view() const { return view(); }
  [[nodiscard]] size_t size() const { return view().size(); }
  [[nodiscard]] bool empty() const { return bytes_ == nullptr; }

  friend bool operator==(const SharedBytes& a, const SharedBytes& b) {
    return a.bytes_ == b.bytes_ || a.view() == b.view();
  }
  template <typename T>
  requires std::convertible_to<const T&, std::string_view>
  friend bool operator==(const SharedBytes& a, const T& b) {
    return a.view() == std::string_view(b);
  }
  friend std::ostream& operator<<(std::ostream& out, const SharedBytes& bytes) {
    return out << bytes.view();
  }

 private:
  std::shared_ptr<const std::string> bytes_;  // Null: none.
};

}  // namespace kvd
