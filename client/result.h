// A value, or why there is none. Everything the client library does over the network returns one.
//
// Threading: values.
#pragma once

#include <utility>
#include <variant>

#include "client/error.h"
#include "common/check.h"

namespace kvd::client {

template <typename T>
class [[nodiscard]] Result {
 public:
  // Both implicit, so that a function returns either.
  Result(T value) : held_(std::in_place_index<0>, std::move(value)) {}
  Result(Error error) : held_(std::in_place_index<1>, std::move(error)) {}

  [[nodiscard]] bool ok() const { return held_.index() == 0; }

  // REQUIRES: ok().
  [[nodiscard]] const T& value() const& { return Checked(), *std::get_if<0>(&held_); }
  [[nodiscard]] T& value() & { return Checked(), *std::get_if<0>(&held_); }
  [[nodiscard]] T&& value() && { return Checked(), std::move(*std::get_if<0>(&held_)); }
  const T& operator*() const& { return value(); }
  T& operator*() & { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  const T* operator->() const { return &value(); }
  T* operator->() { return &value(); }

  // REQUIRES: !ok().
  [[nodiscard]] const Error& error() const {
    KVD_CHECK(!ok(), "error() of a result that has a value");
    return *std::get_if<1>(&held_);
  }

 private:
  void Checked() const {
    if (ok()) return;
    KVD_CHECK(ok(), "value() of a failed result: " + std::get_if<1>(&held_)->message);
  }

  std::variant<T, Error> held_;
};

}  // namespace kvd::client
