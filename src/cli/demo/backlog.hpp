#pragma once
#include <boost/asio/awaitable.hpp>

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "cli/demo/customers.hpp"
#include "mapping/mapping.hpp"

namespace tributary::cli::demo {

/// What is still on its way to each customer's database.
struct Backlog {
  std::vector<std::int64_t> rows;  ///< by customer: rows and tombstones that its database has not passed; -1: it cannot be asked
  std::int64_t unresolved = 0;  ///< marks of parents that the sequencer has not looked at yet
  std::int64_t total() const;  ///< unreachable ones count 1
  std::size_t behind() const;  ///< databases that miss something
};

/// Asks each customer's database for its watermarks, then the source for what lies past them: in this order, as in the other one changes that
/// were applied in between would be missing from both. An upper bound, exact when nothing is written.
/// `source`: a connection to the source. Throws postgres::Error of the source; a customer's database that cannot be asked counts as behind.
asio::awaitable<Backlog> read_backlog(postgres::Connection& source, std::span<Customer> customers,
                                      std::span<const mapping::Mapping> mappings);

}  // namespace tributary::cli::demo
