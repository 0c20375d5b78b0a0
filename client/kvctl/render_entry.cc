#include "client/kvctl/render_entry.h"

#include <fmt/format.h>

#include <chrono>
#include <nlohmann/json.hpp>

#include "client/kvctl/encoding.h"
#include "client/kvctl/layout.h"
#include "common/bytes.h"

namespace kvd::kvctl {
namespace {

using nlohmann::ordered_json;

// One encoding for all byte strings of an object: as they are if all are text, else base64.
std::string Encode(std::string_view bytes, bool text) {
  return text ? std::string(bytes) : ToBase64(bytes);
}

std::string_view EncodingName(bool text) {
  return text ? "utf-8" : "base64";
}

int64_t Milliseconds(Duration duration) {
  return std::chrono::ceil<std::chrono::milliseconds>(duration).count();
}

void AddServed(ordered_json& object, const client::Served& served) {
  object["partition"] = served.partition.value;
  object["owner"] = Visible(served.owner);
}

std::string ShowValue(std::string_view value, Format format) {
  if (format == Format::kHex) return ToHex(value);
  if (format == Format::kBase64) return ToBase64(value);
  return IsUtf8(value) ? std::string(value) : ToBase64(value) + " (base64)";
}

}  // namespace

std::string RenderValue(std::string_view value, Format format, bool to_terminal) {
  if (format == Format::kHex) return ToHex(value) + "\n";
  if (format == Format::kBase64) return ToBase64(value) + "\n";
  std::string out(value);
  if (format != Format::kRaw && to_terminal) out += '\n';
  return out;
}

std::string RenderMeta(const EntryView& entry, Format format) {
  const bool plain = IsUtf8(entry.key) && Visible(entry.key) == entry.key;
  std::string out =
      fmt::format("key        {}\n", plain ? std::string(entry.key) : Quoted(entry.key));
  if (entry.value) out += fmt::format("value      {}\n", ShowValue(*entry.value, format));
  out +=
      fmt::format("version    {}\n", entry.version ? std::to_string(*entry.version) : "- (absent)");
  out += fmt::format("partition  {}\nowner      {}\n", entry.served.partition.value,
                     Visible(entry.served.owner));
  if (entry.stale_by) {
    out += fmt::format("staleness  at most {} ms\n", Milliseconds(*entry.stale_by));
  }
  return out;
}

std::string EntryJson(const EntryView& entry) {
  const bool text = IsUtf8(entry.key) && IsUtf8(entry.value.value_or(""));
  ordered_json object;
  object["key"] = Encode(entry.key, text);
  if (entry.value) object["value"] = Encode(*entry.value, text);
  object["encoding"] = EncodingName(text);
  if (entry.version) {
    object["version"] = *entry.version;
  } else {
    object["default"] = true;
  }
  if (entry.stale_by) object["staleness_ms"] = Milliseconds(*entry.stale_by);
  AddServed(object, entry.served);
  return object.dump() + "\n";
}

std::string KeyFactJson(const KeyFact& fact) {
  const bool text = IsUtf8(fact.key);
  ordered_json object;
  object["key"] = Encode(fact.key, text);
  object["encoding"] = EncodingName(text);
  object[std::string(fact.flag)] = fact.holds;
  if (fact.version) object["version"] = *fact.version;
  AddServed(object, fact.served);
  return object.dump() + "\n";
}

std::string SumJson(std::string_view key, const client::IncrementAnswer& answer) {
  const bool text = IsUtf8(key);
  ordered_json object;
  object["key"] = Encode(key, text);
  object["encoding"] = EncodingName(text);
  object["value"] = answer.value;
  object["version"] = answer.version;
  AddServed(object, answer.served);
  return object.dump() + "\n";
}

std::string ShowKey(std::string_view key) {
  const bool plain = IsUtf8(key) && Visible(key) == key &&
                     key.find('"') == std::string_view::npos && DisplayWidth(key) <= 64;
  return plain ? fmt::format("\"{}\"", key) : Quoted(key);
}

}  // namespace kvd::kvctl
