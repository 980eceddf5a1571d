#pragma once
#include <sys/types.h>

#include <filesystem>
#include <string>
#include <vector>

/// What the process that holds the engine may still do, enforced by the kernel: a query that gets past every other barrier finds no file but its own
/// data, and nobody to talk to.
namespace tributary::clickhouse::embedded {

struct SystemUser {
  std::string name;
  uid_t uid = 0;
  gid_t gid = 0;
  /// Throws std::runtime_error where the system knows no such user.
  static SystemUser named(const std::string& name);
};

struct ConfinementParams {
  std::filesystem::path writable;  ///< the only folder to be written
  std::vector<std::filesystem::path> readable;  ///< files and folders to be read, besides what the engine asks of the kernel
};

/// What was achieved.
struct Confinement {
  bool files = false;  ///< Landlock: no file beyond those above
  bool network = false;  ///< seccomp: no new socket, no connection, no new process
};

/// Gives up root for `user`, with everything below `folder`, which becomes that user's. REQUIRES: is root; one thread.
/// Throws std::system_error; the process must end then.
void become(const SystemUser& user, const std::filesystem::path& folder);

/// For this process and whatever it starts, for ever. Sockets that are open stay so. REQUIRES: one thread, so that all later ones inherit it.
/// A kernel without Landlock or seccomp is reported in the result, everything else throws std::system_error.
Confinement confine(const ConfinementParams& params);

}  // namespace tributary::clickhouse::embedded
