#pragma once
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "clickhouse/embedded/server.hpp"

namespace tributary::clickhouse::embedded {

struct HostParams {
  std::filesystem::path library;  ///< libchdb.so
  /// The host's folder, made where it is not there: lock, configuration/ (written at each start) and data/ (the engine's).
  std::filesystem::path folder;
  std::uint16_t port = 0;         ///< on 127.0.0.1; 0: any
  /// The engine's users (an XML file for `users_config`): what tenants may read rests on it. Empty: everybody may do everything, and no tenants are served.
  std::string users;
  std::string user = "nobody";  ///< system user that the engine runs as where started as root; empty: as root
  std::uint64_t memory_bytes = std::uint64_t{2}
                               << 30U;  ///< most that the engine takes; a statement beyond it fails with code 241
  bool without_landlock = false;  ///< serve tenants even where the kernel cannot keep the engine from other files
  bool end_with_input = false;  ///< stop when stdin is closed: whoever started us is gone
  ServerParams server;  ///< its credentials are made at start
};

/// Runs the engine behind its HTTP interface until SIGTERM, SIGINT or (end_with_input) the end of stdin, then ends the process with status 0. Says
/// where it is on stdout, in one line (ReadyLine): from then on each of these ends it in order, however often it comes. Throws std::runtime_error
/// where it cannot start: the folder is in use, the port taken, the library missing.
///
/// REQUIRES: the process has one thread. It is confined for good.
[[noreturn]] void run_host(HostParams params);

/// What the host tells whoever started it.
struct ReadyLine {
  std::uint16_t port = 0;
  Credentials credentials;
  std::string version;  ///< of the engine
  bool serves_tenants = false;
  bool confined = false;  ///< by the kernel, files and network
  bool proves = false;  ///< has kProofPath (proof.hpp), which hosts of earlier versions have not

  std::string to_string() const;
  /// nullopt where `line` is none.
  static std::optional<ReadyLine> parse(std::string_view line);
};

}  // namespace tributary::clickhouse::embedded
