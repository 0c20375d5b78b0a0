#include "server/ring/even_choice.h"

#include <algorithm>
#include <set>

namespace kvd::ring {
namespace {

class SemiMatching {
 public:
  explicit SemiMatching(EvenChoice problem)
      : options_(std::move(problem.options)),
        chosen_(std::move(problem.chosen)),
        load_(std::move(problem.load)),
        items_of_(load_.size()) {
    for (size_t item = 0; item < options_.size(); ++item) {
      if (chosen_[item]) Choose(item, *chosen_[item]);
    }
    for (size_t item = 0; item < options_.size(); ++item) {
      if (!chosen_[item]) Choose(item, LeastLoaded(options_[item]));
    }
  }

  // Takes the fullest member and looks for a chain to one with at least two less. If there is none,
  // nobody within its reach can ever improve, and no later chain passes through there: all of them
  // are settled. So every member is searched from once per improvement and once more.
  std::vector<MemberIndex> Solve() {
    std::set<MemberIndex> open;
    for (const auto& options : options_) open.insert(options.begin(), options.end());
    while (!open.empty()) {
      const MemberIndex fullest =
          *std::max_element(open.begin(), open.end(),
                            [&](MemberIndex a, MemberIndex b) { return load_[a] < load_[b]; });
      if (const auto settled = ShiftFrom(fullest, open)) {
        for (const MemberIndex member : *settled) open.erase(member);
      }
    }
    std::vector<MemberIndex> result;
    for (const auto& member : chosen_) result.push_back(*member);
    return result;
  }

 private:
  struct Step {
    MemberIndex from;
    size_t item;
  };

  void Choose(size_t item, MemberIndex member) {
    chosen_[item] = member;
    ++load_[member];
    items_of_[member].push_back(item);
  }

  [[nodiscard]] MemberIndex LeastLoaded(const std::vector<MemberIndex>& options) const {
    return *std::min_element(options.begin(), options.end(),
                             [&](MemberIndex a, MemberIndex b) { return load_[a] < load_[b]; });
  }

  // Passes one item on along the shortest chain to a member with at least two less, or returns all
  // members within reach.
  std::optional<std::vector<MemberIndex>> ShiftFrom(MemberIndex start,
                                                    const std::set<MemberIndex>& open) {
    std::vector<std::optional<Step>> reached(load_.size());
    reached[start] = Step{.from = start, .item = 0};
    std::vector<MemberIndex> queue{start};
    for (size_t next = 0; next < queue.size(); ++next) {
      const MemberIndex from = queue[next];
      for (const size_t item : items_of_[from]) {
        for (const MemberIndex to : options_[item]) {
          if (reached[to] || !open.contains(to)) continue;
          reached[to] = Step{.from = from, .item = item};
          if (load_[to] + 2 <= load_[start]) {
            Shift(start, to, reached);
            return std::nullopt;
          }
          queue.push_back(to);
        }
      }
    }
    return queue;
  }

  void Shift(MemberIndex start, MemberIndex end, const std::vector<std::optional<Step>>& reached) {
    for (MemberIndex to = end; to != start;) {
      const Step step = *reached[to];
      std::erase(items_of_[step.from], step.item);
      --load_[step.from];
      Choose(step.item, to);
      to = step.from;
    }
  }

  const std::vector<std::vector<MemberIndex>> options_;
  std::vector<std::optional<MemberIndex>> chosen_;
  std::vector<uint32_t> load_;
  std::vector<std::vector<size_t>> items_of_;
};

}  // namespace

std::vector<MemberIndex> ChooseEvenly(EvenChoice problem) {
  return SemiMatching(std::move(problem)).Solve();
}

}  // namespace kvd::ring
