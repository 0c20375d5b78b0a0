// Reads one map of the cluster file, key by key, so that the code that reads a section reads like
// its schema: each call names a key, what it may hold, and its bounds. What is wrong is reported
// and answers nullopt, as does what is not given; reading goes on, so that all errors come at once.
//
// The same calls describe themselves: over no document at all, a Reading collects every key it was
// asked for, from which the JSON Schema is tested.
//
// Pure. Threading: confined to the parse it belongs to.
#pragma once

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/clock.h"
#include "config/choices.h"
#include "config/diagnostic.h"
#include "config/host_port.h"
#include "config/schema.h"
#include "config/yaml_tree.h"

namespace kvd::config {

// One pass over a document: what was found wrong, where each key stood, which keys there are.
class Reading {
 public:
  // `describing`: there is no document, only the keys are wanted.
  explicit Reading(bool describing = false) : describing_(describing) {}

  // Underlines `length` bytes; with 0 the message says enough.
  void Error(Place place, std::string message, uint32_t length = 0);
  void Warn(Place place, std::string message);

  // Where the value at `path` ("nodes[1].zone") stood; where its nearest parent stood if it was not
  // given.
  [[nodiscard]] Place PlaceOf(std::string_view path) const;
  [[nodiscard]] bool Given(std::string_view path) const { return places_.contains(path); }

  // False if an error was reported where `path` or its nearest given parent stood: what `file` says
  // there is then a default, not what its author meant.
  [[nodiscard]] bool Sound(std::string_view path) const;

  [[nodiscard]] bool describing() const { return describing_; }
  [[nodiscard]] std::vector<Diagnostic> TakeDiagnostics() { return std::move(diagnostics_); }
  [[nodiscard]] std::vector<KnownKey> TakeKeys() { return std::move(keys_); }

 private:
  friend class Section;

  [[nodiscard]] std::optional<Place> NearestPlace(std::string_view path) const;

  bool describing_;
  std::vector<Diagnostic> diagnostics_;
  std::map<std::string, Place, std::less<>> places_;
  std::vector<KnownKey> keys_;
};

// What a text may be; `description` completes "must be ...".
struct TextForm {
  bool (*accepts)(std::string_view text);
  std::string_view description;
};

// Both ends included.
struct NumberRange {
  uint64_t low = 0;
  uint64_t high = 0;
};
struct DurationRange {
  Duration low;
  Duration high;
  bool or_zero = false;
};

// Whether an address is dialled (needs a port and a host that can be reached) or bound.
enum class AddressUse : uint8_t { kDial, kBind };

class Section {
 public:
  // `node` may be null: nothing is given. If it is no map that is reported, and nothing below it is
  // missed. Reports duplicate keys at once.
  Section(Reading& reading, const YamlNode* node, std::string path);

  std::optional<uint32_t> Number(std::string_view key, NumberRange range);
  std::optional<uint64_t> Size(std::string_view key, NumberRange range);
  std::optional<Duration> Interval(std::string_view key, DurationRange range);
  std::optional<bool> Boolean(std::string_view key);
  std::optional<std::string> Text(std::string_view key, const TextForm& form);
  std::optional<HostPort> Address(std::string_view key, AddressUse use);

  // A value whose text `parse` turns into a T or refuses with a sentence beginning with the text.
  template <typename T>
  std::optional<T> Parsed(std::string_view key, KeyKind kind,
                          StatusOr<T> (*parse)(std::string_view text));

  template <typename T, size_t N>
  std::optional<T> OneOf(std::string_view key, const std::array<Choice<T>, N>& choices);

  // A list of different words; an empty one is an error.
  template <typename T, size_t N>
  std::vector<T> SomeOf(std::string_view key, const std::array<Choice<T>, N>& choices);

  // A map below; empty if not given, or if every key below is commented out.
  [[nodiscard]] Section Sub(std::string_view key);

  // A list of maps.
  [[nodiscard]] std::vector<Section> Each(std::string_view key);

  // Reports `key` if it is not given, unless this whole section is not. Call after it was read.
  void Require(std::string_view key);

  // Reports `key`, which belongs elsewhere, if it is given: "'key' " + `why`.
  void Refuse(std::string_view key, std::string_view why);

  // Reports whatever was not asked for. Call last.
  void End();

  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  [[nodiscard]] std::string PathTo(std::string_view key) const;
  const YamlNode* Find(std::string_view key) const;
  const YamlNode* Take(std::string_view key, KeyKind kind, std::vector<std::string> choices = {});
  const YamlNode* TakeScalar(std::string_view key, KeyKind kind,
                             std::vector<std::string> choices = {});
  void Wrong(const YamlNode& node, std::string message, bool underline = false);
  void WrongKind(std::string_view key, const YamlNode& node, KeyKind kind);
  void NoneOf(std::string_view key, const YamlNode& node, const std::vector<std::string>& names);
  void ReportDuplicates();

  Reading* reading_;
  const YamlNode* map_ = nullptr;  // Null: not given.
  bool broken_ = false;            // Given, but no map.
  std::string path_;
  std::vector<std::string> known_;
  std::vector<std::string> refused_;
};

template <typename T, size_t N>
std::vector<std::string> NamesOf(const std::array<Choice<T>, N>& choices) {
  std::vector<std::string> names;
  names.reserve(N);
  for (const auto& each : choices) names.emplace_back(each.name);
  return names;
}

template <typename T>
std::optional<T> Section::Parsed(std::string_view key, KeyKind kind,
                                 StatusOr<T> (*parse)(std::string_view text)) {
  const YamlNode* node = TakeScalar(key, kind);
  if (node == nullptr) return std::nullopt;
  auto value = parse(node->text);
  if (value.ok()) return *std::move(value);
  Wrong(*node, std::string(key) + ": " + Message(value.status()));
  return std::nullopt;
}

template <typename T, size_t N>
std::optional<T> Section::OneOf(std::string_view key, const std::array<Choice<T>, N>& choices) {
  const YamlNode* node = TakeScalar(key, KeyKind::kChoice, NamesOf(choices));
  if (node == nullptr) return std::nullopt;
  auto value = ByName(choices, node->text);
  if (!value) NoneOf(key, *node, NamesOf(choices));
  return value;
}

template <typename T, size_t N>
std::vector<T> Section::SomeOf(std::string_view key, const std::array<Choice<T>, N>& choices) {
  const YamlNode* list = Take(key, KeyKind::kChoiceList, NamesOf(choices));
  if (list == nullptr) return {};
  if (list->kind != YamlNode::Kind::kList || list->items.empty()) {
    WrongKind(key, *list, KeyKind::kChoiceList);
    return {};
  }
  std::vector<T> values;
  for (const YamlNode& item : list->items) {
    const bool scalar = item.kind == YamlNode::Kind::kScalar;
    const auto value = scalar ? ByName(choices, item.text) : std::nullopt;
    if (!value) {
      NoneOf(key, item, NamesOf(choices));
    } else if (std::find(values.begin(), values.end(), *value) != values.end()) {
      Wrong(item, std::string(key) + " names '" + item.text + "' twice");
    } else {
      values.push_back(*value);
    }
  }
  return values;
}

}  // namespace kvd::config
