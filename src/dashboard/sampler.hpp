#pragma once
#include <boost/asio/awaitable.hpp>

#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/event.hpp"
#include "dashboard/overview.hpp"

namespace tributary::dashboard {

/// Looks once a second, for everybody who listens: the source is asked once for all operators and once for each project that is looked at, and not at all
/// where nobody listens. This process's own metrics are sampled always, so that there is a history when somebody comes.
///
/// Lifetime: `context` outlives it. Threads: one loop.
class Sampler {
 public:
  explicit Sampler(const Context& context)
      : context_(context), rates_(context.metrics, context.api.mappings), tick_(context.api.source.executor()) {}

  /// Until `stop`.
  asio::awaitable<void> run(std::stop_token stop);

  /// An overview now; `project`: of this one only. Throws postgres::Error.
  asio::awaitable<boost::json::object> overview(std::optional<std::string> project, Deadline deadline);
  const Rates& rates() const { return rates_; }
  SequenceWatch& sequence() { return sequence_; }

  /// Somebody who listens, for as long as it lives.
  struct Listener {
    std::optional<std::string> project;
    Event fresh;  ///< `events` is new
    std::shared_ptr<const std::string> events = {};  ///< server-sent events, as text
  };
  std::shared_ptr<Listener> listen(std::optional<std::string> project);
  /// What a listener is told now: an overview, or that the source does not answer.
  asio::awaitable<std::string> events(std::optional<std::string> project);

 private:
  asio::awaitable<void> tell();
  asio::awaitable<Totals> totals(postgres::Connection& source, Deadline deadline);

  const Context& context_;
  Rates rates_;
  SequenceWatch sequence_;
  Event tick_;
  std::vector<std::weak_ptr<Listener>> listeners_;
  std::optional<Totals> totals_;
  std::chrono::steady_clock::time_point count_again_{};
};

/// One server-sent event.
std::string to_event(std::string_view name, const boost::json::object& data);

}  // namespace tributary::dashboard
