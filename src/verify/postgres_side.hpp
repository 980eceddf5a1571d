#pragma once
#include <memory>

#include "mapping/compare_sql.hpp"
#include "postgres/connection.hpp"
#include "verify/side.hpp"

namespace tributary::verify {

/// Sets a session up for comparing (not by startup options: connection poolers refuse those), and says whether its database is in UTF8.
asio::awaitable<bool> prepare_session(postgres::Connection& connection, Deadline deadline);

/// How a side digests its rows, given whether its own database is in UTF8, and the other one, too. `kind`: of the destination.
mapping::Digest digest_for(mapping::DestinationKind kind, bool own_is_utf8, bool other_is_utf8);

struct PostgresSideParams {
  postgres::Connection& connection;  ///< prepared
  const mapping::Mapping& mapping;
  Uuid tenancy;
  mapping::DestinationKind kind = mapping::DestinationKind::postgres;  ///< of the destination
  mapping::Digest digest = mapping::Digest::md5;
};
/// Both belong to the connection's loop. Connection and mapping outlive them.
std::unique_ptr<SourceSide> make_source_side(PostgresSideParams params);
std::unique_ptr<DestinationSide> make_postgres_side(PostgresSideParams params);

}  // namespace tributary::verify
