#pragma once
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/event.hpp"
#include "clickhouse/client.hpp"
#include "destination/destination.hpp"

/// Inside of Writer: those who ask where their tenancy stands, and the query that answers many of them.
namespace tributary::destination::clickhouse_target {

/// One who asks. Shared, as he may be gone before the answer is there.
struct Asker {
  Asker(asio::any_io_executor executor, Uuid id) : done(std::move(executor)), tenancy(id) {}
  Event done;
  bool is_done = false;
  const Uuid tenancy;
  std::optional<Failure> failure;
  std::map<std::string, Failure> unusable;  ///< by mapping
  std::map<std::string, Position> found;
};
using Askers = std::vector<std::shared_ptr<Asker>>;

/// The first of them, as many as one query answers: they are taken out of `waiting`.
Askers take_some(Askers& waiting);
/// Fills in what was found. Throws clickhouse::Error.
asio::awaitable<void> look_up(clickhouse::Client& client, const Askers& askers, Deadline deadline);

}  // namespace tributary::destination::clickhouse_target
