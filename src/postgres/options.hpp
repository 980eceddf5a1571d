#pragma once
#include <chrono>
#include <cstddef>
#include <map>
#include <memory>
#include <string>
#include <string_view>

namespace tributary {
class AddressRules;
class Resolver;
}  // namespace tributary

namespace tributary::postgres {

/// libpq's keywords and their values.
using Keywords = std::map<std::string, std::string>;

/// Takes libpq's variables (PGPASSWORD, PGSERVICE, …) out of this process's environment and returns them by keyword: no connection uses them unless it is
/// given them by ConnectOptions::with_defaults(). To be called while there is one thread.
Keywords take_environment();

/// Where and how to connect: libpq's keywords and their values, as parsed from a URI or a key=value string. What is absent comes from
/// libpq's environment variables and ~/.pgpass; for a stranger's server there is parse_guarded() (guard.hpp).
struct ConnectOptions {
  Keywords keywords;  ///< host, port, dbname, user, password, sslmode, sslrootcert, application_name, options, …
  std::chrono::milliseconds connect_timeout{10'000};  ///< name look-up, TCP, TLS and authentication together
  std::shared_ptr<const AddressRules> addresses;  ///< that the server may have; null: any
  std::shared_ptr<Resolver> resolver;  ///< of the host's name; null: it is looked up at once
  std::string owner;  ///< whose name it is, where others' look-ups are not to wait for it
  /// Bytes that may come from the server for one statement, and for sixteen of them from one connection of a Pool, which then opens another; 0: any number.
  std::size_t max_answer = 0;

  /// Throws Error{usage} with a message that says what is wrong, without repeating a password.
  static ConnectOptions parse(std::string_view connection_string);

  /// A copy with what is absent taken from `defaults`. Throws Error{usage} where these name a service file, which is not read.
  ConnectOptions with_defaults(const Keywords& defaults) const;
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

/// A stored connection string as it may be shown: without its password; a placeholder where it is sealed, or is none.
std::string redacted(std::string_view connection_string);

}  // namespace tributary::postgres
