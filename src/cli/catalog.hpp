#pragma once
#include <boost/asio/awaitable.hpp>

#include <optional>
#include <string>
#include <vector>

#include "base/secrets.hpp"
#include "base/uuid.hpp"
#include "postgres/connection.hpp"

/// What the source says of projects, branches and their destinations. All throw postgres::Error.
namespace tributary::cli {

namespace asio = boost::asio;

/// Which projects a command is about; nullopt is all of them.
struct Selection {
  std::optional<std::string> project;
  std::optional<std::string> branch;
  std::optional<std::string> destination;
  std::optional<Uuid> tenancy;
};

struct DestinationRow {
  Uuid tenancy;
  std::string project;
  std::string branch;
  std::string id;
  std::string type;
  std::string connection_string;  ///< still sealed where its key is not known
  bool deleted = false;  ///< its tenancy is, and what it holds of that is still to be removed
};
/// Destinations of synced tenancies, by project, branch and id.
asio::awaitable<std::vector<DestinationRow>> list_destinations(postgres::Connection& source, Selection selection,
                                                               Secrets secrets);
/// Databases of deleted tenancies that have not applied the tombstones yet. A project may have been made again since, with destinations of the same ids.
asio::awaitable<std::vector<DestinationRow>> list_deleted_destinations(postgres::Connection& source, Selection selection,
                                                                       Secrets secrets);

/// Both, and of each tenancy the shared ClickHouse where it is a destination ("@clickhouse").
asio::awaitable<std::vector<DestinationRow>> list_every_destination(postgres::Connection& source, Selection selection,
                                                                    Secrets secrets);

/// nullopt where there is no such project and branch.
asio::awaitable<std::optional<Uuid>> find_tenancy(postgres::Connection& source, std::string project, std::string branch);

}  // namespace tributary::cli
