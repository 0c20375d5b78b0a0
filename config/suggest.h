// What somebody meant who typed something else: the nearest of a list of known words.
//
// Pure. Threading: values.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace kvd::config {

// The known word nearest to `word`, the first of equals; nullopt if none is near: a third of the
// letters may be missing, added, changed or swapped with their neighbour, but always one.
[[nodiscard]] std::optional<std::string> Suggest(std::string_view word,
                                                 std::span<const std::string> known);

// "; did you mean 'address'?", or nothing.
[[nodiscard]] std::string DidYouMean(std::string_view word, std::span<const std::string> known);

}  // namespace kvd::config
