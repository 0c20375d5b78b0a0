#include "config/yaml_tree.h"

#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <sstream>
#include <utility>

#include "common/bytes.h"
#include "config/units.h"

namespace kvd::config {
namespace {

// yaml-cpp counts from 0, and from -1 where it does not know.
Place PlaceOf(const YAML::Mark& mark) {
  if (mark.line < 0 || mark.column < 0) return {};
  return {static_cast<uint32_t>(mark.line) + 1, static_cast<uint32_t>(mark.column) + 1};
}

Diagnostic Error(Place place, uint32_t length, std::string message) {
  return {Severity::kError, place.line, place.column, length, std::move(message)};
}

// Builds the tree from the parser's events rather than from YAML::Node, which resolves aliases,
// forgets how a scalar was quoted, and lets the first of two equal keys win.
class TreeBuilder : public YAML::EventHandler {
 public:
  void OnDocumentStart(const YAML::Mark& mark) override {
    if (++documents_ < 2) return;
    Refuse(mark, "a second document begins here; a cluster file is exactly one");
  }
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    RefuseAnchor(mark, anchor);
    Add(NodeAt(mark, YamlNode::Kind::kNull));
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t /*anchor*/) override {
    Refuse(mark, "aliases are not supported; put what nodes share under 'defaults'");
    Add(NodeAt(mark, YamlNode::Kind::kNull));
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    RefuseAnchor(mark, anchor);
    RefuseTag(mark, tag);
    YamlNode node = NodeAt(mark, YamlNode::Kind::kScalar);
    node.text = value;
    node.quoted = tag == "!";
    node.length = static_cast<uint32_t>(value.size()) + (node.quoted ? 2 : 0);
    Add(std::move(node));
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value /*style*/) override {
    Open(mark, tag, anchor, YamlNode::Kind::kList);
  }
  void OnSequenceEnd() override { Close(); }

  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value /*style*/) override {
    Open(mark, tag, anchor, YamlNode::Kind::kMap);
  }
  void OnMapEnd() override { Close(); }

  [[nodiscard]] YamlTree Take() && {
    if (!errors_.empty()) return {std::nullopt, std::move(errors_)};
    if (!root_) root_.emplace();
    return {std::move(root_), {}};
  }

 private:
  static YamlNode NodeAt(const YAML::Mark& mark, YamlNode::Kind kind) {
    YamlNode node;
    node.kind = kind;
    node.place = PlaceOf(mark);
    return node;
  }

  void Refuse(const YAML::Mark& mark, std::string why) {
    errors_.push_back(Error(PlaceOf(mark), 1, std::move(why)));
  }

  void RefuseAnchor(const YAML::Mark& mark, YAML::anchor_t anchor) {
    if (anchor == 0) return;
    Refuse(mark, "anchors are not supported; put what nodes share under 'defaults'");
  }

  // The parser marks untagged plain scalars "?" and quoted ones "!".
  void RefuseTag(const YAML::Mark& mark, const std::string& tag) {
    if (tag.empty() || tag == "?" || tag == "!") return;
    Refuse(mark, fmt::format("YAML tags such as {} are not supported", InQuotes(tag)));
  }

  void Open(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
            YamlNode::Kind kind) {
    RefuseAnchor(mark, anchor);
    RefuseTag(mark, tag);
    open_.push_back(NodeAt(mark, kind));
  }

  void Close() {
    YamlNode done = std::move(open_.back());
    open_.pop_back();
    Add(std::move(done));
  }

  void Add(YamlNode node) {
    if (open_.empty()) {
      if (!root_) root_ = std::move(node);
      return;
    }
    YamlNode& parent = open_.back();
    const bool is_key =
        parent.kind == YamlNode::Kind::kMap && parent.keys.size() == parent.items.size();
    (is_key ? parent.keys : parent.items).push_back(std::move(node));
  }

  int documents_ = 0;
  std::vector<YamlNode> open_;  // From the root to where the parser is.
  std::optional<YamlNode> root_;
  std::vector<Diagnostic> errors_;
};

// What is wrong with one line before YAML is considered.
std::optional<Diagnostic> CheckLine(std::string_view line, uint32_t number) {
  const size_t indent = line.find_first_not_of(" \t");
  const size_t tab = line.substr(0, indent).find('\t');
  const bool blank = indent == std::string_view::npos || line[indent] == '#';
  if (tab != std::string_view::npos && !blank) {
    return Error({number, static_cast<uint32_t>(tab) + 1}, 1,
                 "a tab is used for indentation; use spaces");
  }
  for (size_t i = 0; i < line.size(); ++i) {
    const auto c = static_cast<uint8_t>(line[i]);
    if ((c >= 0x20 && c != 0x7f) || c == '\t') continue;
    return Error({number, static_cast<uint32_t>(i) + 1}, 1,
                 fmt::format("control character 0x{:02x}; this does not look like a text file", c));
  }
  if (!IsUtf8(line)) {
    return Error({number, 1}, 1, "this line is not UTF-8; save the file as UTF-8");
  }
  return std::nullopt;
}

std::vector<Diagnostic> CheckText(std::string_view text) {
  if (text.size() > kMaxFileBytes) {
    return {Error({}, 0,
                  fmt::format("the file has {} bytes, the limit is {}; is it a cluster file?",
                              text.size(), FormatSize(kMaxFileBytes)))};
  }
  std::vector<Diagnostic> errors;
  for (uint32_t number = 1; !text.empty(); ++number) {
    const size_t end = text.find('\n');
    std::string_view line = text.substr(0, end);
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (auto error = CheckLine(line, number)) errors.push_back(*std::move(error));
    if (end == std::string_view::npos) break;
    text.remove_prefix(end + 1);
  }
  return errors;
}

}  // namespace

YamlTree ReadYaml(std::string_view text) {
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
  if (auto errors = CheckText(text); !errors.empty()) return {std::nullopt, std::move(errors)};
  TreeBuilder builder;
  try {
    std::istringstream in{std::string(text)};
    YAML::Parser parser(in);
    if (parser.HandleNextDocument(builder)) parser.HandleNextDocument(builder);
  } catch (const YAML::Exception& e) {
    const Place place = PlaceOf(e.mark);
    return {std::nullopt, {Error(place, 1, fmt::format("not valid YAML: {}", e.msg))}};
  }
  return std::move(builder).Take();
}

}  // namespace kvd::config
