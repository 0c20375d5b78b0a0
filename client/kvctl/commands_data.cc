#include "client/kvctl/commands_data.h"

#include <fmt/format.h>

#include <charconv>
#include <filesystem>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "client/kvctl/encoding.h"
#include "client/kvctl/interrupt.h"
#include "client/kvctl/render_entry.h"
#include "common/bytes.h"
#include "config/units.h"

namespace kvd::kvctl {
namespace {

// While a write may be on its way.
constexpr const char* kInterrupted =
    "kvctl: interrupted; the write may or may not be applied. Read the key to find out\n";

Failure LocalFailure(const Status& status) {
  return {.exit_code = ExitCode::kError, .reason = "LOCAL_FILE", .message = Message(status)};
}

Failure NotFound(std::string_view key) {
  return {.exit_code = ExitCode::kNotFound,
          .reason = "NOT_FOUND",
          .message = fmt::format("key {} not found", ShowKey(key))};
}

// What was found instead of `wanted`; 0 is "absent", both times.
Failure NotWritten(std::string_view done, std::string_view key, Version wanted, Version actual) {
  std::string why = fmt::format("is at version {}, not {}", actual, wanted);
  if (actual == 0) why = fmt::format("does not exist, so it is not at version {}", wanted);
  if (wanted == 0) why = fmt::format("exists (version {})", actual);
  return {.exit_code = ExitCode::kNotWritten,
          .reason = "CONDITION_FAILED",
          .message = fmt::format("not {}: key {} {}", done, ShowKey(key), why),
          .metadata = {{"actual_version", std::to_string(actual)}}};
}

// --if-absent, --if-version, --request-id, and the time left.
std::variant<client::WriteOptions, Failure> WriteOptionsOf(const Session& session,
                                                           const CommandLine& line) {
  client::WriteOptions options{.timeout = session.TimeLeft()};
  if (line.Has("if-absent")) options.if_version = 0;
  if (const std::string* text = line.Value("if-version")) {
    if (options.if_version) {
      return UsageFailure("--if-absent and --if-version are two conditions; give one");
    }
    const auto version = config::ParseNumber(*text);
    if (!version.ok()) return UsageFailure("--if-version: " + Message(version.status()));
    options.if_version = *version;
  }
  if (const std::string* text = line.Value("request-id")) {
    options.request_id = client::RequestId::Parse(*text);
    if (!options.request_id) {
      return UsageFailure(fmt::format(
          "--request-id: {} is no request id; it is CLIENT:SEQUENCE@BASE, as kvctl printed it",
          config::InQuotes(*text)));
    }
  }
  return options;
}

std::variant<client::ReadOptions, Failure> ReadOptionsOf(const Session& session,
                                                         const CommandLine& line) {
  client::ReadOptions options{.timeout = session.TimeLeft()};
  const std::string* how = line.Value("consistency");
  if (how == nullptr || *how == "linearizable") return options;
  if (*how != "stale") {
    return UsageFailure(
        fmt::format("--consistency: {} is not one of linearizable, stale", config::InQuotes(*how)));
  }
  options.consistency = client::Consistency::kStale;
  return options;
}

// A decimal 64-bit integer.
std::optional<int64_t> ParseSummand(std::string_view text) {
  int64_t value = 0;
  if (text.starts_with('+')) text.remove_prefix(1);
  const char* end = text.data() + text.size();
  const auto [stopped_at, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || stopped_at != end) return std::nullopt;
  return value;
}

Failure TooLarge(const std::string& size) {
  return {.exit_code = ExitCode::kLimit,
          .reason = "VALUE_TOO_LARGE",
          .message = fmt::format("value is {}, no cluster takes more than {}", size,
                                 FormatBytes(client::kMaxValueBytes)),
          .metadata = {{"field", "value"}, {"limit", std::to_string(client::kMaxValueBytes)}}};
}

// Every KEY argument, or the first failure.
std::variant<std::vector<std::string>, Failure> KeysOf(const CommandLine& line) {
  std::vector<std::string> keys;
  for (const std::string& argument : line.arguments) {
    auto key = KeyOf(argument, line);
    if (auto* failure = std::get_if<Failure>(&key)) return std::move(*failure);
    keys.push_back(std::get<std::string>(std::move(key)));
  }
  return keys;
}

// Reads one byte more than is allowed, which is enough to know.
std::variant<std::string, Failure> Bounded(StatusOr<std::string> bytes, const std::string& file) {
  if (!bytes.ok()) return LocalFailure(bytes.status());
  if (bytes->size() <= client::kMaxValueBytes) return *std::move(bytes);
  std::error_code error;
  const auto size = std::filesystem::file_size(file, error);  // Fails for what is not a file.
  return TooLarge(!error && size > client::kMaxValueBytes
                      ? FormatBytesBeside(size, client::kMaxValueBytes)
                      : "more than " + FormatBytes(client::kMaxValueBytes));
}

// The value comes from exactly one place.
std::variant<std::string, Failure> ValueOf(Session& session, const CommandLine& line) {
  const std::string* file = line.Value("file");
  const bool argument = line.arguments.size() == 2;
  const int places = (argument ? 1 : 0) + (file != nullptr ? 1 : 0) + (line.Has("empty") ? 1 : 0);
  if (places == 0) {
    return UsageFailure(
        "put: no value; give it as an argument, or - for standard input, --file FILE, "
        "or --empty");
  }
  if (places > 1)
    return UsageFailure("put: more than one value; give one of VALUE, --file, --empty");
  if (line.Has("empty")) return std::string();
  if (file != nullptr) return Bounded(ReadFile(*file, client::kMaxValueBytes), *file);
  if (line.arguments[1] == "-") {
    return Bounded(session.console().ReadIn(client::kMaxValueBytes), "");
  }
  return line.arguments[1];
}

ExitCode WriteEntry(Session& session, const CommandLine& line, const EntryView& entry) {
  const std::string* out = line.Value("out");
  const Format format = session.settings().output;
  const bool with_meta = line.Has("with-meta") || format == Format::kTable;
  const bool bytes = format == Format::kText || format == Format::kRaw;
  const bool to_terminal = out == nullptr && session.console().out_is_terminal();

  if (out != nullptr) {
    const Format as = session.json() || format == Format::kTable ? Format::kRaw : format;
    const Status written = WriteFile(*out, RenderValue(*entry.value, as, /*to_terminal=*/false));
    if (!written.ok()) return session.Fail(LocalFailure(written));
    EntryView meta = entry;
    meta.value = std::nullopt;
    if (session.json()) return session.Print(EntryJson(meta));
    return with_meta ? session.Print(RenderMeta(meta, format)) : ExitCode::kDone;
  }
  if (session.json()) return session.Print(EntryJson(entry));
  if (with_meta) return session.Print(RenderMeta(entry, format));
  if (to_terminal && bytes && !IsUtf8(*entry.value)) {
    return session.Fail({.exit_code = ExitCode::kError,
                         .reason = "NOT_TEXT",
                         .message = fmt::format(
                             "the value ({}) is not UTF-8 text and is not written to a terminal; "
                             "use -o hex, -o base64 or --out FILE",
                             FormatBytes(entry.value->size()))});
  }
  return session.Print(RenderValue(*entry.value, format, to_terminal));
}

}  // namespace

std::variant<std::string, Failure> KeyOf(const std::string& argument, const CommandLine& line) {
  const std::string* encoding = line.Value("key-encoding");
  if (encoding == nullptr) return argument;
  if (*encoding != "hex" && *encoding != "base64") {
    return UsageFailure(
        fmt::format("--key-encoding: {} is not one of hex, base64", config::InQuotes(*encoding)));
  }
  auto key = *encoding == "hex" ? FromHex(argument) : FromBase64(argument);
  if (!key.ok()) return UsageFailure("key " + Message(key.status()));
  return *std::move(key);
}

ExitCode Put(Session& session, const CommandLine& line) {
  const auto key = KeyOf(line.arguments[0], line);
  if (const auto* failure = std::get_if<Failure>(&key)) return session.Fail(*failure);
  const auto value = ValueOf(session, line);
  if (const auto* failure = std::get_if<Failure>(&value)) return session.Fail(*failure);
  const auto options = WriteOptionsOf(session, line);
  if (const auto* failure = std::get_if<Failure>(&options)) return session.Fail(*failure);
  const auto& write = std::get<client::WriteOptions>(options);
  const client::Client* cluster = session.Cluster();
  if (cluster == nullptr) return ExitCode::kUsage;

  const auto put = [&] {
    const LastWords words(kInterrupted);
    return cluster->Put(std::get<std::string>(key), std::get<std::string>(value), write);
  }();
  if (!put.ok()) return session.Fail(put.error());
  session.Trace("put", put->served);
  if (!put->written()) {
    return session.Fail(NotWritten("written", std::get<std::string>(key),
                                   write.if_version.value_or(0), *put->actual_version));
  }
  const std::string done = fmt::format("the value was written (version {})", put->version);
  if (session.json()) {
    return session.Print(KeyFactJson({.key = std::get<std::string>(key),
                                      .flag = "written",
                                      .holds = true,
                                      .version = put->version,
                                      .served = put->served}),
                         done);
  }
  if (line.Has("print-version")) return session.Print(fmt::format("{}\n", put->version), done);
  return session.settings().quiet ? ExitCode::kDone : session.Print("OK\n", done);
}

ExitCode Get(Session& session, const CommandLine& line) {
  const auto decoded = KeyOf(line.arguments[0], line);
  if (const auto* failure = std::get_if<Failure>(&decoded)) return session.Fail(*failure);
  const auto& key = std::get<std::string>(decoded);
  const auto options = ReadOptionsOf(session, line);
  if (const auto* failure = std::get_if<Failure>(&options)) return session.Fail(*failure);
  const client::Client* cluster = session.Cluster();
  if (cluster == nullptr) return ExitCode::kUsage;

  const auto get = cluster->Get(key, std::get<client::ReadOptions>(options));
  if (!get.ok()) return session.Fail(get.error());
  session.Trace("get", get->served);
  EntryView entry{
      .key = key, .value = {}, .version = {}, .stale_by = get->stale_by, .served = get->served};
  if (get->entry) {
    entry.value = get->entry->value;
    entry.version = get->entry->version;
  } else if (const std::string* text = line.Value("default")) {
    entry.value = *text;
  } else {
    return session.Fail(NotFound(key));
  }
  return WriteEntry(session, line, entry);
}

namespace {

ExitCode DeleteOne(Session& session, const CommandLine& line, const client::Client& cluster,
                   const std::string& key) {
  const auto options = WriteOptionsOf(session, line);
  if (const auto* failure = std::get_if<Failure>(&options)) return session.Fail(*failure);
  const auto& write = std::get<client::WriteOptions>(options);
  const auto deleted = [&] {
    const LastWords words(kInterrupted);
    return cluster.Delete(key, write);
  }();
  if (!deleted.ok()) {
    Failure failure = FromError(deleted.error());
    if (line.arguments.size() > 1) {
      failure.message = fmt::format("del {}: {}", ShowKey(key), failure.message);
    }
    return session.Fail(failure);
  }
  session.Trace("del", deleted->served);
  if (deleted->actual_version) {
    return session.Fail(
        NotWritten("deleted", key, write.if_version.value_or(0), *deleted->actual_version));
  }
  if (session.json()) {
    const ExitCode printed = session.Print(KeyFactJson({.key = key,
                                                        .flag = "deleted",
                                                        .holds = deleted->version.has_value(),
                                                        .version = deleted->version,
                                                        .served = deleted->served}),
                                           "the key was deleted");
    if (printed != ExitCode::kDone) return printed;
  }
  if (deleted->version || line.Has("missing-ok")) return ExitCode::kDone;
  return session.Fail(NotFound(key));
}

}  // namespace

ExitCode Del(Session& session, const CommandLine& line) {
  const auto keys = KeysOf(line);
  if (const auto* failure = std::get_if<Failure>(&keys)) return session.Fail(*failure);
  const bool several = line.arguments.size() > 1;
  for (const std::string_view option : {"if-version", "request-id"}) {
    if (several && line.Has(option)) {
      return session.Fail(UsageFailure(fmt::format("del: --{} goes with one KEY", option)));
    }
  }
  const client::Client* cluster = session.Cluster();
  if (cluster == nullptr) return ExitCode::kUsage;

  ExitCode result = ExitCode::kDone;
  for (const std::string& key : std::get<std::vector<std::string>>(keys)) {
    const ExitCode deleted = DeleteOne(session, line, *cluster, key);
    if (deleted != ExitCode::kDone && deleted != ExitCode::kNotFound) return deleted;
    if (deleted == ExitCode::kNotFound) result = deleted;
  }
  if (result != ExitCode::kDone || session.json() || session.settings().quiet) return result;
  return session.Print("OK\n", "the keys were deleted");
}

ExitCode Incr(Session& session, const CommandLine& line) {
  const auto decoded = KeyOf(line.arguments[0], line);
  if (const auto* failure = std::get_if<Failure>(&decoded)) return session.Fail(*failure);
  const auto& key = std::get<std::string>(decoded);
  const auto by = line.arguments.size() == 2 ? ParseSummand(line.arguments[1]) : 1;
  if (!by) {
    return session.Fail(UsageFailure(fmt::format("incr: {} is not a whole number of 64 bits",
                                                 config::InQuotes(line.arguments[1]))));
  }
  const auto options = WriteOptionsOf(session, line);
  if (const auto* failure = std::get_if<Failure>(&options)) return session.Fail(*failure);
  const auto& write = std::get<client::WriteOptions>(options);
  const client::Client* cluster = session.Cluster();
  if (cluster == nullptr) return ExitCode::kUsage;

  const auto sum = [&] {
    const LastWords words(kInterrupted);
    return cluster->Increment(key, *by, {.timeout = write.timeout, .request_id = write.request_id});
  }();
  if (!sum.ok()) return session.Fail(sum.error());
  session.Trace("incr", sum->served);
  const std::string done = fmt::format("the sum {} was written", sum->value);
  if (session.json()) return session.Print(SumJson(key, *sum), done);
  return session.settings().quiet ? ExitCode::kDone
                                  : session.Print(fmt::format("{}\n", sum->value), done);
}

ExitCode Exists(Session& session, const CommandLine& line) {
  const auto keys = KeysOf(line);
  if (const auto* failure = std::get_if<Failure>(&keys)) return session.Fail(*failure);
  const client::Client* cluster = session.Cluster();
  if (cluster == nullptr) return ExitCode::kUsage;

  ExitCode result = ExitCode::kDone;
  for (const std::string& key : std::get<std::vector<std::string>>(keys)) {
    const auto exists = cluster->Exists(key, {.timeout = session.TimeLeft()});
    if (!exists.ok()) return session.Fail(exists.error());
    session.Trace("exists", exists->served);
    if (!exists->version) result = ExitCode::kNotFound;
    if (!session.json()) continue;
    const ExitCode printed = session.Print(KeyFactJson({.key = key,
                                                        .flag = "exists",
                                                        .holds = exists->version.has_value(),
                                                        .version = exists->version,
                                                        .served = exists->served}));
    if (printed != ExitCode::kDone) return printed;
  }
  return result;
}

}  // namespace kvd::kvctl
