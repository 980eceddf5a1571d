#pragma once
#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "directory/projects.hpp"
#include "postgres/pool.hpp"

namespace tributary::api {

namespace asio = boost::asio;

/// What the source said of projects, for a moment: it is asked once a second for a project that is busy, not once a request. So long a revoked key lives on.
/// Those that do not exist are not remembered, so memory is that of the projects in use.
///
/// Threads: one loop, that of the connections.
class KnownProjects {
 public:
  using Connect = std::function<asio::awaitable<postgres::PooledConnection>(Deadline)>;
  explicit KnownProjects(Connect connect) : connect_(std::move(connect)) {}

  /// nullopt: there is no such project and branch. Throws postgres::Error.
  asio::awaitable<std::optional<directory::Credentials>> find(std::string project, std::string branch, Deadline deadline);

 private:
  static constexpr std::chrono::seconds kFor{1};
  struct Known {
    directory::Credentials credentials;
    std::chrono::steady_clock::time_point until;
  };
  Connect connect_;
  std::chrono::steady_clock::time_point next_tidying_{};
  std::map<std::pair<std::string, std::string>, Known> known_;
};

}  // namespace tributary::api
