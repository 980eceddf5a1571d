#pragma once
#include <map>
#include <string>

#include "base/uuid.hpp"
#include "postgres/connection.hpp"
#include "verify/comparison.hpp"

/// What the source remembers of comparisons, so that one that was interrupted goes on. All throw postgres::Error.
namespace tributary::verify {

/// By mapping.
using Records = std::map<std::string, Progress>;
asio::awaitable<Records> read_records(postgres::Connection& source, Uuid tenancy, std::string destination, Deadline deadline);
/// `begins`: a new comparison starts here.
asio::awaitable<void> write_record(postgres::Connection& source, Uuid tenancy, std::string destination, std::string mapping,
                                   const Progress& progress, bool begins, Deadline deadline);

}  // namespace tributary::verify
