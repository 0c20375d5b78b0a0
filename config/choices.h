// The keys whose value is one of a few words, as enums, and the words: one table each, which the
// parser, the printer, the flags and the JSON Schema's test all read.
//
// Pure. Threading: values.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "common/check.h"
#include "common/log.h"

namespace kvd::config {

enum class TlsMode : uint8_t { kDisabled, kServer, kMutual };
enum class Permission : uint8_t { kRead, kWrite, kAdmin };
enum class Compression : uint8_t { kNone, kLz4, kZstd, kSnappy };
enum class LogFormat : uint8_t { kText, kJson, kJournal, kAuto };
enum class LogKeys : uint8_t { kHashed, kPlain };
enum class Reflection : uint8_t { kAuto, kOn, kOff };

// How many nodes vote in the system group; nullopt: as many as suit the cluster's size.
using Voters = std::optional<uint32_t>;

template <typename T>
struct Choice {
  std::string_view name;
  T value;
};

inline constexpr std::array kTlsModes = {Choice<TlsMode>{"disabled", TlsMode::kDisabled},
                                         Choice<TlsMode>{"server", TlsMode::kServer},
                                         Choice<TlsMode>{"mutual", TlsMode::kMutual}};

inline constexpr std::array kPermissions = {Choice<Permission>{"read", Permission::kRead},
                                            Choice<Permission>{"write", Permission::kWrite},
                                            Choice<Permission>{"admin", Permission::kAdmin}};

inline constexpr std::array kCompressions = {Choice<Compression>{"none", Compression::kNone},
                                             Choice<Compression>{"lz4", Compression::kLz4},
                                             Choice<Compression>{"zstd", Compression::kZstd},
                                             Choice<Compression>{"snappy", Compression::kSnappy}};

inline constexpr std::array kLogLevels = {
    Choice<LogLevel>{"trace", LogLevel::kTrace}, Choice<LogLevel>{"debug", LogLevel::kDebug},
    Choice<LogLevel>{"info", LogLevel::kInfo}, Choice<LogLevel>{"warn", LogLevel::kWarn},
    Choice<LogLevel>{"error", LogLevel::kError}};

inline constexpr std::array kLogFormats = {
    Choice<LogFormat>{"text", LogFormat::kText}, Choice<LogFormat>{"json", LogFormat::kJson},
    Choice<LogFormat>{"journal", LogFormat::kJournal}, Choice<LogFormat>{"auto", LogFormat::kAuto}};

inline constexpr std::array kLogKeys = {Choice<LogKeys>{"hashed", LogKeys::kHashed},
                                        Choice<LogKeys>{"plain", LogKeys::kPlain}};

inline constexpr std::array kReflections = {Choice<Reflection>{"auto", Reflection::kAuto},
                                            Choice<Reflection>{"true", Reflection::kOn},
                                            Choice<Reflection>{"false", Reflection::kOff}};

inline constexpr std::array kVoters = {Choice<Voters>{"auto", std::nullopt},
                                       Choice<Voters>{"1", 1U}, Choice<Voters>{"3", 3U},
                                       Choice<Voters>{"5", 5U}};

// The value called `name`; nullopt if there is none.
template <typename T, size_t N>
[[nodiscard]] std::optional<T> ByName(const std::array<Choice<T>, N>& choices,
                                      std::string_view name) {
  for (const Choice<T>& each : choices) {
    if (each.name == name) return each.value;
  }
  return std::nullopt;
}

// What `value` is called. REQUIRES: the table has it.
template <typename T, size_t N>
[[nodiscard]] std::string_view NameOf(const std::array<Choice<T>, N>& choices, const T& value) {
  for (const Choice<T>& each : choices) {
    if (each.value == value) return each.name;
  }
  KVD_CHECK(false, "an enumerator without a name");
  return {};
}

}  // namespace kvd::config
