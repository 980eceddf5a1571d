#pragma once
#include <boost/asio/awaitable.hpp>

#include <span>

#include "base/deadline.hpp"
#include "directory/error.hpp"
#include "directory/values.hpp"
#include "postgres/connection.hpp"

/// Projects, their branches, and the keys by which their servers and administrators are known. Every operation is one transaction; it throws Error where it
/// refuses, postgres::Error where the database fails.
namespace tributary::directory {

namespace asio = boost::asio;

/// The project of those who run the installation: its admin keys open what is not of one project.
inline constexpr std::string_view kInternalProject = "internal";

enum class KeyKind { server, admin };
std::string_view to_string(KeyKind kind);

/// A branch of a project, as it is listed.
struct Project {
  Tenancy tenancy;
  std::string display_name;
  std::int64_t destinations = 0;  ///< databases that its configuration names
  Timestamp created_at;  ///< the project
};

/// A key as it is listed. The key itself is seen once, when it is made: only its hash is kept.
struct Key {
  Uuid id;
  KeyKind kind{};
  std::string hint;  ///< its last characters
  Timestamp created_at;
  std::optional<Timestamp> expires_at;  ///< in the past: it is not valid any more
};

struct NewKey {
  Uuid id;
  KeyKind kind{};
  std::string secret;  ///< to be shown once
};

struct NewProject {
  Tenancy tenancy;
  std::vector<NewKey> keys;  ///< one of each kind; none where the project was there already and only the branch is new
};

/// A project, or another branch of one, with keys for a new project.
asio::awaitable<NewProject> create_project(postgres::Connection& connection, std::string project, std::string name,
                                           std::string branch, Deadline deadline);
/// With everything that is in it; `branch`: of it only that one.
asio::awaitable<void> delete_project(postgres::Connection& connection, std::string project, std::optional<std::string> branch,
                                     Deadline deadline);

/// Branches of all projects, or of this one, in the order of their tenancies' ids.
asio::awaitable<Page<Project>> list_projects(postgres::Connection& connection, std::optional<std::string> project,
                                             PageRequest page, Deadline deadline);

asio::awaitable<std::vector<Key>> list_keys(postgres::Connection& connection, std::string project, Deadline deadline);
/// A new key. Those of its kind that there are end after `overlap`, so that its holders can be told; nullopt: they stay.
asio::awaitable<NewKey> create_key(postgres::Connection& connection, std::string project, KeyKind kind,
                                   std::optional<std::chrono::milliseconds> overlap, Deadline deadline);
/// Not valid from now on; who answers requests may not know for a second.
asio::awaitable<void> revoke_key(postgres::Connection& connection, std::string project, Uuid key, Deadline deadline);

/// What is to be known of a project to let somebody in: its tenancy, and the hashes of the keys that are valid now.
struct Credentials {
  Tenancy tenancy;
  struct Hash {
    KeyKind kind{};
    std::string hash;
  };
  std::vector<Hash> hashes;

  /// The secret is a valid key of this kind, or of admins, who may do all that servers may. In constant time.
  bool admit(KeyKind kind, std::string_view secret) const;
};
/// nullopt: there is no such project and branch.
asio::awaitable<std::optional<Credentials>> read_credentials(postgres::Connection& connection, std::string project,
                                                             std::string branch, Deadline deadline);

}  // namespace tributary::directory
