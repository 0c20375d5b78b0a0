// HTTP as a test speaks it: a connection to which any bytes are sent, and a plain GET.
//
// Threading: values and sockets of their own; confined to whoever made them.
#pragma once

#include <cstdint>
#include <ostream>
#include <string>
#include <string_view>

namespace kvd::testing {

class HttpConnection {
 public:
  // To an address of this machine, without a lookup. REQUIRES: somebody listens there.
  explicit HttpConnection(uint16_t port, const std::string& host = "127.0.0.1");
  ~HttpConnection();
  HttpConnection(HttpConnection&& other) noexcept;
  HttpConnection& operator=(HttpConnection&&) = delete;

  // As much as the other side takes. False: it has closed.
  bool Send(std::string_view bytes) const;

  // Waits for the other side to close. What it said until then.
  [[nodiscard]] std::string ReadToEnd() const;

 private:
  int fd_;
};

struct HttpAnswer {
  int code = 0;  // 0: nobody listens, or what was said is no HTTP.
  std::string head = {};
  std::string body = {};
};
std::ostream& operator<<(std::ostream& out, const HttpAnswer& answer);

[[nodiscard]] HttpAnswer ParseAnswer(const std::string& bytes);

// GET `target` of "127.0.0.1:40123".
[[nodiscard]] HttpAnswer HttpGet(const std::string& address, const std::string& target);

}  // namespace kvd::testing
