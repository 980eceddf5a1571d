#pragma once
#include <chrono>
#include <filesystem>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>

#include "postgres/options.hpp"

namespace tributary::cli::demo {

/// A sentence for the person at the terminal: what is wrong and what to do.
class ClusterError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

struct ClusterOptions {
  std::filesystem::path folder;                 ///< made when missing; holds nothing but this cluster
  bool fresh = false;                           ///< throws away a cluster of an earlier run in this folder
  std::map<std::string, std::string> settings;  ///< of the server, beside its own address and port
  std::chrono::seconds start_timeout{60};       ///< crash recovery of an earlier run included
  std::chrono::seconds stop_timeout{8};         ///< for a fast shutdown; after it, an immediate one
};

/// A PostgreSQL server of our own: for trying and testing, not for anybody's only copy of anything.
///
/// Made with the distribution's initdb (the newest /usr/lib/postgresql/*/bin) and run as a child process: as ourselves, or, for root, whom
/// PostgreSQL refuses, as the system user `postgres`. It listens on a free port of 127.0.0.1, where it asks for a random password, as other users
/// of the machine can come there too, and on a Unix socket in a folder that only its user and root can enter. Durability is the default.
///
///   folder/tributary-cluster   marks the folder as ours to delete, and is locked while somebody uses it
///   folder/data, folder/socket, folder/password, folder/server.log
///
/// Lifetime: the server stops with this object, and, however this process ends, with the thread that started it (kill -9 included), which
/// must therefore live as long. A server that outlived its owner all the same, and a stale postmaster.pid, are dealt with at start.
/// Threads: one at a time. start() and stop() block: never call them on an event loop. Errors: ClusterError; stop() throws nothing.
class PrivateCluster {
 public:
  /// Starts the folder's cluster, made first when there is none.
  static PrivateCluster start(ClusterOptions options);
  PrivateCluster(PrivateCluster&&) noexcept;
  PrivateCluster& operator=(PrivateCluster&&) = delete;
  ~PrivateCluster();

  /// Fast shutdown; returns when the last process is gone. Idempotent.
  void stop() noexcept;
  /// Immediate shutdown, as the data is not needed any more, then deletes the folder.
  void remove();

  /// How to connect, password included. The cluster's superuser is `tributary`; its first database is `postgres`.
  postgres::ConnectOptions database(std::string_view name) const;
  /// A command line for people: over the socket, or, where the folder's name is too long for one, with the password.
  std::string psql(std::string_view database) const;
  const std::filesystem::path& folder() const;
  bool created() const;  ///< by this start(), not found
  pid_t pid() const;  ///< of the postmaster
  std::string server_version() const;  ///< major: "15"

 private:
  struct State;
  explicit PrivateCluster(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

/// Where a cluster lives when nobody says where: $XDG_DATA_HOME/tributary/<name>, else ~/.local/share/tributary/<name>; for root
/// /var/lib/tributary/<name>, as the user `postgres` cannot reach into /root.
std::filesystem::path default_cluster_folder(std::string_view name);

}  // namespace tributary::cli::demo
