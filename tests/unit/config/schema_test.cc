// The JSON Schema for editors, walked beside the parser's own table of keys: both know the same
// keys, of the same kind, with the same choices, required alike.

#include "config/schema.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <string>

#include "config/load.h"

namespace kvd::config {
namespace {

using nlohmann::json;

// Collects the schema's keys as "nodes[].address" -> its subschema, and which are required.
struct SchemaKeys {
  std::map<std::string, json> by_path;
  std::map<std::string, bool> required;

  void Walk(const json& object, const std::string& path) {
    EXPECT_EQ(object.value("additionalProperties", json(true)), json(false)) << path;
    const json required_here = object.value("required", json::array());
    for (const auto& [key, schema] : object.at("properties").items()) {
      const std::string here = path.empty() ? key : path + "." + key;
      by_path[here] = schema;
      required[here] =
          std::find(required_here.begin(), required_here.end(), key) != required_here.end();
      if (schema.contains("properties")) Walk(schema, here);
      const bool of_maps = schema.contains("items") && schema["items"].contains("properties");
      if (of_maps) Walk(schema["items"], here + "[]");
    }
  }
};

std::vector<std::string> Words(const json& values) {
  std::vector<std::string> out;
  for (const json& each : values) {
    out.push_back(each.is_string() ? each.get<std::string>() : each.dump());
  }
  return out;
}

bool Refers(const json& schema, const std::string& definition) {
  const json wanted = "#/$defs/" + definition;
  if (schema.value("$ref", json()) == wanted) return true;
  const json any = schema.value("anyOf", json::array());
  return std::any_of(any.begin(), any.end(),
                     [&](const json& each) { return each.value("$ref", json()) == wanted; });
}

bool IsKind(const json& schema, KeyKind kind) {
  const json type = schema.value("type", json());
  switch (kind) {
    case KeyKind::kSection:
      return schema.contains("properties");
    case KeyKind::kList:
      return type == "array" && schema.at("items").contains("properties");
    case KeyKind::kNumber:
      return type == "integer" || (schema.contains("enum") && schema["enum"][0].is_number());
    case KeyKind::kBoolean:
      return type == "boolean";
    case KeyKind::kSize:
    case KeyKind::kShare:
      return Refers(schema, "size");
    case KeyKind::kDuration:
      return Refers(schema, "duration");
    case KeyKind::kAddress:
      return Refers(schema, "address");
    case KeyKind::kText:
      return type == "string" || Refers(schema, "path");
    case KeyKind::kChoice:
      return schema.contains("enum");
    case KeyKind::kChoiceList:
      return type == "array" && schema.at("items").contains("enum");
  }
  return false;
}

class SchemaTest : public ::testing::Test {
 protected:
  SchemaTest() { schema_keys_.Walk(schema_, ""); }

  const json schema_ = json::parse(*Load(CONFIG_DIR "/cluster.schema.json"));
  SchemaKeys schema_keys_;
};

TEST_F(SchemaTest, KnowsExactlyTheParsersKeys) {
  std::vector<std::string> parser;
  for (const KnownKey& each : KnownKeys()) parser.push_back(each.path);
  std::sort(parser.begin(), parser.end());
  std::vector<std::string> schema;
  for (const auto& [path, ignored] : schema_keys_.by_path) schema.push_back(path);
  EXPECT_EQ(schema, parser);
  EXPECT_GT(parser.size(), 60U);
}

TEST_F(SchemaTest, KeysHaveTheParsersKindAndChoices) {
  for (const KnownKey& each : KnownKeys()) {
    ASSERT_TRUE(schema_keys_.by_path.contains(each.path)) << each.path;
    const json& schema = schema_keys_.by_path[each.path];
    EXPECT_TRUE(IsKind(schema, each.kind)) << each.path << " is " << schema;
    EXPECT_EQ(schema_keys_.required[each.path], each.required) << each.path;
    EXPECT_TRUE(schema.contains("description")) << each.path;
    if (each.kind == KeyKind::kChoice) {
      EXPECT_EQ(Words(schema["enum"]), each.choices) << each.path;
    }
    if (each.kind == KeyKind::kChoiceList) {
      EXPECT_EQ(Words(schema["items"]["enum"]), each.choices) << each.path;
    }
  }
}

}  // namespace
}  // namespace kvd::config
