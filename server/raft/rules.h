// Which rules of consensus are broken, one at a time, to prove that the tests would notice.
//
// In kvd none is, and none can be: IsBroken() is a constant, the branches vanish. Only a test that
// compiles this room once more with KVD_RAFT_BREAKABLE can break one, through `broken`.
#pragma once

#include <cstdint>
#ifdef KVD_RAFT_BREAKABLE
#include <set>
#endif

namespace kvd::raft {

enum class Rule : uint8_t {
  kVoteBeforeSync,           // Term and vote are claimed before they are durable.
  kAckBeforeSync,            // Entries are acknowledged, and counted, before they are durable.
  kReadWithoutConfirmation,  // A leader answers reads without asking anybody.
  kCommitOldTermByCounting,  // Copies of an older term's entries are counted as committed.
  kApplyBeforeCommit,        // Entries are handed out as soon as they are durable here.
  kConfirmationAcrossTerms,  // An answer in another term confirms a read.
  kNewMajorityOnly,          // A joint configuration counts its new voters alone.
  kLearnerCounted,           // Learners count as voters.
  kVoteWithoutLogCheck,      // A vote is given to a candidate whose log is behind.
  kTwoChangesAtOnce,         // A change begins while the one before is not committed, or joint.
  kPromoteUnfilled,          // A learner that is behind is promoted.
};

#ifdef KVD_RAFT_BREAKABLE
inline std::set<Rule> broken;
inline bool IsBroken(Rule rule) {
  return broken.contains(rule);
}
#else
constexpr bool IsBroken(Rule /*rule*/) {
  return false;
}
#endif

}  // namespace kvd::raft
