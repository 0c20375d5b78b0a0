#include "client/kvctl/command_line.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <optional>

#include "config/suggest.h"
#include "config/units.h"

namespace kvd::kvctl {
namespace {

class Parser {
 public:
  explicit Parser(const std::vector<std::string>& words) : words_(words) {}

  std::variant<CommandLine, Failure> Run() {
    while (at_ < words_.size() && !failure_) {
      const std::string& word = words_[at_++];
      if (only_arguments_ || word == "-" || !word.starts_with('-') || IsNegativeNumber(word)) {
        OnArgument(word);
      } else if (word == "--") {
        only_arguments_ = true;
      } else if (word.starts_with("--")) {
        OnLong(word.substr(2));
      } else {
        OnShort(word.substr(1));
      }
    }
    if (!failure_ && !line_.WantsHelp() && !line_.Has("version")) CheckArguments();
    if (failure_) return *std::move(failure_);
    return std::move(line_);
  }

 private:
  [[nodiscard]] bool IsNegativeNumber(const std::string& word) const {
    return line_.command != nullptr && line_.command->takes_numbers && !line_.arguments.empty() &&
           word.size() > 1 && std::isdigit(static_cast<unsigned char>(word[1])) != 0;
  }

  void OnArgument(const std::string& word) {
    if (line_.command != nullptr) {
      line_.arguments.push_back(word);
      return;
    }
    line_.command = FindCommand(word);
    if (line_.command != nullptr) return;
    std::vector<std::string> names;
    for (const CommandSpec& command : Commands()) names.emplace_back(command.name);
    const std::string hint = config::DidYouMean(word, names);
    Fail(fmt::format("unknown command {}{} See kvctl --help.", config::InQuotes(word),
                     hint.empty() ? "." : hint));
  }

  void OnLong(const std::string& text) {
    const size_t equals = text.find('=');
    const std::string name = text.substr(0, equals);
    const OptionSpec* option =
        Find([&](const OptionSpec& candidate) { return candidate.name == name; });
    if (option == nullptr) return FailUnknown("--" + name);
    if (equals == std::string::npos) return Set(*option, std::nullopt);
    if (option->value.empty()) {
      return Fail(fmt::format("--{} takes no value", name));
    }
    Set(*option, text.substr(equals + 1));
  }

  void OnShort(const std::string& letters) {
    for (size_t i = 0; i < letters.size() && !failure_; ++i) {
      const OptionSpec* option =
          Find([&](const OptionSpec& candidate) { return candidate.letter == letters[i]; });
      if (option == nullptr) return FailUnknown(std::string("-") + letters[i]);
      if (!option->value.empty() && i + 1 < letters.size()) {
        return Set(*option, letters.substr(i + 1));
      }
      Set(*option, std::nullopt);
    }
  }

  void Set(const OptionSpec& option, std::optional<std::string> value) {
    if (!option.value.empty() && !value) {
      if (at_ == words_.size()) {
        return Fail(
            fmt::format("--{} needs a value: --{} {}", option.name, option.name, option.value));
      }
      value = words_[at_++];
    }
    std::string& held = line_.options[std::string(option.name)];
    held = option.appends && !held.empty() ? held + "," + *value : value.value_or("");
  }

  // The command's own options, if it is known by now, and the global ones.
  template <typename Predicate>
  const OptionSpec* Find(Predicate matches) const {
    if (line_.command != nullptr) {
      const auto& own = line_.command->options;
      if (const auto it = std::ranges::find_if(own, matches); it != own.end()) return &*it;
    }
    const auto global = GlobalOptions();
    const auto it = std::ranges::find_if(global, matches);
    return it == global.end() ? nullptr : &*it;
  }

  void FailUnknown(const std::string& text) {
    std::vector<std::string> names;
    for (const OptionSpec& option : GlobalOptions())
      names.push_back(fmt::format("--{}", option.name));
    if (line_.command != nullptr) {
      for (const OptionSpec& option : line_.command->options) {
        names.push_back(fmt::format("--{}", option.name));
      }
    }
    std::string hint = config::DidYouMean(text, names);
    if (hint.empty() && line_.command != nullptr && line_.command->max_arguments > 0) {
      hint = "; a key or value that begins with a dash goes after --";
    }
    Fail(fmt::format("unknown option {}{}", config::InQuotes(text), hint));
  }

  void CheckArguments() {
    if (line_.command == nullptr) return Fail("no command. See kvctl --help.");
    const CommandSpec& command = *line_.command;
    const size_t count = line_.arguments.size();
    if (count >= command.min_arguments && count <= command.max_arguments) return;
    const bool few = count < command.min_arguments;
    Fail(fmt::format("{}: {}: kvctl {}{}{}", command.name,
                     few ? "an argument is missing" : "too many arguments", command.name,
                     command.usage.empty() ? "" : " ", command.usage));
  }

  void Fail(std::string message) {
    if (!failure_) failure_ = UsageFailure(std::move(message));
  }

  const std::vector<std::string>& words_;
  size_t at_ = 0;
  bool only_arguments_ = false;
  CommandLine line_;
  std::optional<Failure> failure_;
};

}  // namespace

const std::string* CommandLine::Value(std::string_view option) const {
  const auto it = options.find(option);
  return it == options.end() ? nullptr : &it->second;
}

std::variant<CommandLine, Failure> ParseCommandLine(const std::vector<std::string>& words) {
  return Parser(words).Run();
}

bool AsksForJson(const std::vector<std::string>& words) {
  for (size_t i = 0; i < words.size() && words[i] != "--"; ++i) {
    if (words[i] == "-ojson" || words[i] == "--output=json") return true;
    const bool names = words[i] == "-o" || words[i] == "--output";
    if (names && i + 1 < words.size() && words[i + 1] == "json") return true;
  }
  return false;
}

}  // namespace kvd::kvctl
