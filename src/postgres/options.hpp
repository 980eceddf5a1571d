#pragma once
#include <chrono>
#include <cstddef>
#include <map>
#include <string>
#include <string_view>

namespace tributary::postgres {

/// Where and how to connect: libpq's keywords and their values, as parsed from a URI or a key=value string. What is absent comes from
/// libpq's environment variables (PGHOST, PGPASSWORD, …) and ~/.pgpass: think of that before connecting to a stranger's server.
struct ConnectOptions {
  std::map<std::string, std::string>
      keywords;  ///< host, port, dbname, user, password, sslmode, sslrootcert, application_name, options, …
  std::chrono::milliseconds connect_timeout{10'000};  ///< name look-up, TCP, TLS and authentication together

  /// Throws Error{usage} with a message that says what is wrong, without repeating a password.
  static ConnectOptions parse(std::string_view connection_string);

  /// Copies with one keyword set.
  ConnectOptions with(std::string_view keyword, std::string_view value) const;
  /// Copies with a run-time parameter for the session, through `options=-c name=value`.
  ConnectOptions with_setting(std::string_view name, std::string_view value) const;

  /// A connection string with the password; for tools started by tests and the demo only.
  std::string to_string() const;
  /// `postgresql://user@host:port/dbname` without password, for people to read.
  std::string redacted() const;

  friend auto operator<=>(const ConnectOptions&, const ConnectOptions&) = default;
};

}  // namespace tributary::postgres
