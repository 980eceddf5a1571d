#pragma once
#include <string>
#include <vector>

#include "queue/health.hpp"
#include "queue/queue.hpp"
#include "sequencer/flagged.hpp"
#include "source/presence.hpp"

namespace tributary::cli {

/// How changes flow, for everybody: what no single destination can tell.
struct Flow {
  queue::Fusebox fusebox;
  source::Presence processes;
  sequencer::Unnumbered unnumbered;
  bool stands_still = false;  ///< something waits to be numbered, nothing is, and somebody was given time to
  queue::Counts queue;
  std::vector<queue::Behind> behind;  ///< longest first
};

/// What is wrong with that and what to do, a sentence each; none where it flows, however much is on its way. Pure.
std::vector<std::string> findings(const Flow& flow);

}  // namespace tributary::cli
