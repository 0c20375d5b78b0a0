// How keys and values look on standard output.
//
// Pure. Threading: values.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "client/answers.h"
#include "client/kvctl/settings.h"

namespace kvd::kvctl {

// The value as text, raw, hex or base64. Text and raw are the bytes themselves, text with a newline
// only `to_terminal`; encodings end in a newline always.
[[nodiscard]] std::string RenderValue(std::string_view value, Format format, bool to_terminal);

// The fields of an entry, a line each. The value is left out if it is nullopt.
struct EntryView {
  std::string_view key;
  std::optional<std::string_view> value;
  std::optional<Version> version;  // nullopt: the key is absent, the value a default.
  std::optional<Duration> stale_by;
  const client::Served& served;
};
[[nodiscard]] std::string RenderMeta(const EntryView& entry, Format format);

// {"key":...,"value":...,"encoding":...,"version":...,"partition":...,"owner":...}
[[nodiscard]] std::string EntryJson(const EntryView& entry);

// {"key":...,"encoding":...,FLAG:...,"version":...,...}: what became of a key.
struct KeyFact {
  std::string_view key;
  std::string_view flag;  // "written", "deleted", "exists".
  bool holds = false;
  std::optional<Version> version;
  const client::Served& served;
};
[[nodiscard]] std::string KeyFactJson(const KeyFact& fact);

// {"key":...,"encoding":...,"value":SUM,"version":...,...}
[[nodiscard]] std::string SumJson(std::string_view key, const client::IncrementAnswer& answer);

// A key in a sentence: between quotes, as it is if it can be shown.
[[nodiscard]] std::string ShowKey(std::string_view key);

}  // namespace kvd::kvctl
