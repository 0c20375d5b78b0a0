#include "config/section.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "config/suggest.h"
#include "config/units.h"

namespace kvd::config {
namespace {

std::string_view Describe(KeyKind kind) {
  switch (kind) {
    case KeyKind::kSection:
      return "a map of keys";
    case KeyKind::kList:
      return "a list of maps, each beginning with '-'";
    case KeyKind::kChoiceList:
      return "a list of words that is not empty, like [read, write]";
    case KeyKind::kNumber:
      return "a number, without quotes";
    case KeyKind::kBoolean:
      return "true or false, without quotes";
    case KeyKind::kSize:
      return "a size (examples: 512, 4KiB, 1MiB)";
    case KeyKind::kShare:
      return "a share or a size (examples: 5%, 10GiB)";
    case KeyKind::kDuration:
      return "a duration (examples: 250ms, 5s, 10m, 2h, 7d)";
    case KeyKind::kAddress:
      return "host:port";
    case KeyKind::kText:
    case KeyKind::kChoice:
      return "text";
  }
  return "text";
}

std::string_view Describe(YamlNode::Kind kind) {
  switch (kind) {
    case YamlNode::Kind::kNull:
      return "nothing";
    case YamlNode::Kind::kScalar:
      return "a single value";
    case YamlNode::Kind::kList:
      return "a list";
    case YamlNode::Kind::kMap:
      return "a map";
  }
  return "nothing";
}

// What YAML's readers turn into a boolean or a number unless it is quoted.
bool LooksLikeAnotherType(std::string_view text) {
  constexpr std::array<std::string_view, 8> kBooleans = {"true", "false", "yes", "no",
                                                         "on",   "off",   "y",   "n"};
  std::string lower(text);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  if (std::find(kBooleans.begin(), kBooleans.end(), lower) != kBooleans.end()) return true;
  if (lower.starts_with("0x") || lower.starts_with("0o")) return true;
  return lower.find_first_of("0123456789") != std::string::npos &&
         lower.find_first_not_of("0123456789.+-_e") == std::string::npos;
}

}  // namespace

void Reading::Error(Place place, std::string message, uint32_t length) {
  diagnostics_.push_back({Severity::kError, place.line, place.column, length, std::move(message)});
}

void Reading::Warn(Place place, std::string message) {
  diagnostics_.push_back({Severity::kWarning, place.line, place.column, 0, std::move(message)});
}

std::optional<Place> Reading::NearestPlace(std::string_view path) const {
  while (!path.empty()) {
    const auto it = places_.find(path);
    if (it != places_.end()) return it->second;
    const size_t parent = path.find_last_of(".[");
    path = path.substr(0, parent == std::string_view::npos ? 0 : parent);
  }
  return std::nullopt;
}

Place Reading::PlaceOf(std::string_view path) const {
  return NearestPlace(path).value_or(Place{});
}

bool Reading::Sound(std::string_view path) const {
  const auto place = NearestPlace(path);
  return !place || std::none_of(diagnostics_.begin(), diagnostics_.end(), [&](const auto& each) {
    return each.severity == Severity::kError && Place{each.line, each.column} == *place;
  });
}

Section::Section(Reading& reading, const YamlNode* node, std::string path)
    : reading_(&reading), path_(std::move(path)) {
  if (node == nullptr) return;
  if (node->kind == YamlNode::Kind::kMap) {
    map_ = node;
    ReportDuplicates();
  } else {
    broken_ = true;
    WrongKind(path_, *node, KeyKind::kSection);
  }
}

std::string Section::PathTo(std::string_view key) const {
  return path_.empty() ? std::string(key) : fmt::format("{}.{}", path_, key);
}

const YamlNode* Section::Find(std::string_view key) const {
  if (map_ == nullptr) return nullptr;
  for (size_t i = 0; i < map_->keys.size(); ++i) {
    if (map_->keys[i].kind == YamlNode::Kind::kScalar && map_->keys[i].text == key) {
      return &map_->items[i];
    }
  }
  return nullptr;
}

const YamlNode* Section::Take(std::string_view key, KeyKind kind,
                              std::vector<std::string> choices) {
  known_.emplace_back(key);
  if (reading_->describing()) {
    reading_->keys_.push_back({PathTo(key), kind, false, std::move(choices)});
    return nullptr;
  }
  const YamlNode* node = Find(key);
  if (node != nullptr) reading_->places_.emplace(PathTo(key), node->place);
  return node;
}

const YamlNode* Section::TakeScalar(std::string_view key, KeyKind kind,
                                    std::vector<std::string> choices) {
  const YamlNode* node = Take(key, kind, std::move(choices));
  if (node == nullptr || node->kind == YamlNode::Kind::kScalar) return node;
  WrongKind(key, *node, kind);
  return nullptr;
}

void Section::Wrong(const YamlNode& node, std::string message, bool underline) {
  reading_->Error(node.place, std::move(message), underline ? node.length : 0);
}

void Section::WrongKind(std::string_view key, const YamlNode& node, KeyKind kind) {
  const std::string_view found = node.kind == YamlNode::Kind::kList && node.items.empty()
                                     ? "an empty list"
                                     : Describe(node.kind);
  Wrong(node, fmt::format("{} must be {}, here is {}", key, Describe(kind), found), true);
}

void Section::NoneOf(std::string_view key, const YamlNode& node,
                     const std::vector<std::string>& names) {
  if (node.kind != YamlNode::Kind::kScalar) {
    Wrong(node, fmt::format("{} takes only {}", key, fmt::join(names, ", ")), true);
    return;
  }
  Wrong(node,
        fmt::format("{} {} is none of {}{}", key, InQuotes(node.text), fmt::join(names, ", "),
                    DidYouMean(node.text, names)),
        true);
}

void Section::ReportDuplicates() {
  std::map<std::string_view, Place> first;
  for (const YamlNode& key : map_->keys) {
    if (key.kind != YamlNode::Kind::kScalar) {
      Wrong(key, "a key must be a word", true);
      continue;
    }
    const auto [it, fresh] = first.try_emplace(key.text, key.place);
    if (fresh) continue;
    Wrong(key, fmt::format("duplicate key {} (first at {}:{})", InQuotes(key.text), it->second.line,
                           it->second.column));
  }
}

std::optional<uint32_t> Section::Number(std::string_view key, NumberRange range) {
  const YamlNode* node = TakeScalar(key, KeyKind::kNumber);
  if (node == nullptr) return std::nullopt;
  if (node->quoted) {
    WrongKind(key, *node, KeyKind::kNumber);
    return std::nullopt;
  }
  const auto value = ParseNumber(node->text);
  if (!value.ok()) {
    Wrong(*node, fmt::format("{} {}", key, Message(value.status())));
    return std::nullopt;
  }
  if (*value < range.low || *value > range.high) {
    Wrong(*node,
          fmt::format("{} is {}, must be {}..{}", PathTo(key), *value, range.low, range.high));
    return std::nullopt;
  }
  return static_cast<uint32_t>(*value);
}

std::optional<uint64_t> Section::Size(std::string_view key, NumberRange range) {
  const auto value = Parsed<uint64_t>(key, KeyKind::kSize, ParseSize);
  if (!value || (*value >= range.low && *value <= range.high)) return value;
  Wrong(*Find(key), fmt::format("{} is {}, must be {}..{}", PathTo(key), FormatSize(*value),
                                FormatSize(range.low), FormatSize(range.high)));
  return std::nullopt;
}

std::optional<Duration> Section::Interval(std::string_view key, DurationRange range) {
  const auto value = Parsed<Duration>(key, KeyKind::kDuration, ParseDuration);
  if (!value || (*value >= range.low && *value <= range.high)) return value;
  if (range.or_zero && *value == Duration::zero()) return value;
  Wrong(*Find(key), fmt::format("{} is {}, must be {}{}..{}", PathTo(key), FormatDuration(*value),
                                range.or_zero ? "0 or " : "", FormatDuration(range.low),
                                FormatDuration(range.high)));
  return std::nullopt;
}

std::optional<bool> Section::Boolean(std::string_view key) {
  const YamlNode* node = TakeScalar(key, KeyKind::kBoolean);
  if (node == nullptr) return std::nullopt;
  if (!node->quoted && node->text == "true") return true;
  if (!node->quoted && node->text == "false") return false;
  Wrong(*node,
        fmt::format("{} must be true or false, without quotes, not {}", key, InQuotes(node->text)));
  return std::nullopt;
}

std::optional<std::string> Section::Text(std::string_view key, const TextForm& form) {
  const YamlNode* node = TakeScalar(key, KeyKind::kText);
  if (node == nullptr) return std::nullopt;
  if (!node->quoted && LooksLikeAnotherType(node->text)) {
    Wrong(*node, fmt::format("{} {} is not text to YAML; write it in quotes: \"{}\"", key,
                             InQuotes(node->text), node->text));
    return std::nullopt;
  }
  if (!form.accepts(node->text)) {
    Wrong(*node, fmt::format("{} {} must be {}", key, InQuotes(node->text), form.description));
    return std::nullopt;
  }
  return node->text;
}

std::optional<HostPort> Section::Address(std::string_view key, AddressUse use) {
  auto at = Parsed<HostPort>(key, KeyKind::kAddress, HostPort::Parse);
  if (!at || use == AddressUse::kBind) return at;
  if (at->port == 0) {
    Wrong(*Find(key), fmt::format("{} needs a port others can dial, 1..65535", key));
    return std::nullopt;
  }
  if (at->is_wildcard()) {
    Wrong(*Find(key), fmt::format("{} {} cannot be dialled; write the host's own address, and this "
                                  "one under {}listen",
                                  key, at->ToString(), key == "peer_address" ? "peer_" : ""));
    return std::nullopt;
  }
  return at;
}

Section Section::Sub(std::string_view key) {
  const YamlNode* node = Take(key, KeyKind::kSection);
  if (node != nullptr && node->kind == YamlNode::Kind::kNull) node = nullptr;
  return {*reading_, node, PathTo(key)};
}

std::vector<Section> Section::Each(std::string_view key) {
  const YamlNode* list = Take(key, KeyKind::kList);
  std::vector<Section> sections;
  if (reading_->describing()) {
    sections.emplace_back(*reading_, nullptr, PathTo(key) + "[]");
    return sections;
  }
  if (list == nullptr) return sections;
  if (list->kind != YamlNode::Kind::kList) {
    WrongKind(key, *list, KeyKind::kList);
    return sections;
  }
  for (size_t i = 0; i < list->items.size(); ++i) {
    const std::string path = fmt::format("{}[{}]", PathTo(key), i);
    reading_->places_.emplace(path, list->items[i].place);
    sections.emplace_back(*reading_, &list->items[i], path);
  }
  return sections;
}

void Section::Require(std::string_view key) {
  if (reading_->describing()) {
    for (KnownKey& each : reading_->keys_) each.required |= each.path == PathTo(key);
    return;
  }
  if (broken_ || Find(key) != nullptr) return;
  if (map_ == nullptr && !reading_->Given(path_)) return;  // The whole section may be left out.
  reading_->Error(map_ != nullptr ? map_->place : reading_->PlaceOf(path_),
                  fmt::format("{} is missing; it is required", PathTo(key)));
}

void Section::Refuse(std::string_view key, std::string_view why) {
  refused_.emplace_back(key);
  if (map_ == nullptr) return;
  for (const YamlNode& each : map_->keys) {
    if (each.text == key) Wrong(each, fmt::format("'{}' {}", key, why), true);
  }
}

void Section::End() {
  if (map_ == nullptr) return;
  for (const YamlNode& key : map_->keys) {
    if (key.kind != YamlNode::Kind::kScalar) continue;
    if (std::find(known_.begin(), known_.end(), key.text) != known_.end()) continue;
    if (std::find(refused_.begin(), refused_.end(), key.text) != refused_.end()) continue;
    const std::string where = path_.empty() ? "at the top level" : "in " + path_;
    Wrong(
        key,
        fmt::format("unknown key {} {}{}", InQuotes(key.text), where, DidYouMean(key.text, known_)),
        true);
  }
}

}  // namespace kvd::config
