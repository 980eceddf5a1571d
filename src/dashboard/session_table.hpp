#pragma once
#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <optional>
#include <string>

#include "http/endpoint.hpp"
#include "postgres/connection.hpp"

/// The sessions that are alive, in the source: so each process knows of one that was begun or ended at another. All throw postgres::Error.
namespace tributary::dashboard {

namespace asio = boost::asio;

/// Somebody who has signed in.
struct Session {
  std::string id;  ///< SHA-256 of what the browser keeps, in hexadecimal digits
  std::string project;  ///< whose key it was; empty: the operator's
  std::string key;  ///< the key's hash in hexadecimal digits
  http::Access access = http::Access::admin;  ///< operator_, or admin of the project
  std::chrono::sys_time<std::chrono::milliseconds> ends;

  bool is_operator() const { return access == http::Access::operator_; }
};

/// Sessions of one key that can be alive together: another one ends the oldest, so that the table is bounded by the keys that there are.
inline constexpr std::int64_t kMostSessionsOfKey = 100;

/// From now on for `lifetime`, by the source's clock; the session's end is set.
asio::awaitable<void> insert_session(postgres::Connection& source, Session& session, std::chrono::milliseconds lifetime,
                                     Deadline deadline);
/// nullopt: there is none, or it is over.
asio::awaitable<std::optional<Session>> find_session(postgres::Connection& source, std::string id, Deadline deadline);
asio::awaitable<void> delete_session(postgres::Connection& source, std::string id, Deadline deadline);

}  // namespace tributary::dashboard
